"""The attribute registry: complete and unambiguous."""

from __future__ import annotations

from tracing import attributes


def test_every_name_is_listed_once_per_place() -> None:
    rows = [(row.name, row.place) for row in attributes.REGISTRY]
    assert len(rows) == len(set(rows))


def test_every_constant_is_listed() -> None:
    constants = {
        value
        for name, value in vars(attributes).items()
        if name.isupper() and isinstance(value, str) and "." in value
    }
    assert len(constants) > 20
    for name in constants:
        assert attributes.find(name + "x" if name.endswith(".") else name) is not None, name


def test_families_need_a_member() -> None:
    assert attributes.find("integration.measure.amount") is not None
    assert attributes.find("integration.measure.") is None
    assert attributes.find("patient.name") is None
