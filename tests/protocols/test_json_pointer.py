"""JSON pointers: the examples of RFC 6901, and documents that are not what was expected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing.protocols.json_pointer import PointerError, compile_pointer, resolve

RFC = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~/01", max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_examples_of_section_5(pointer: str, value: object) -> None:
    assert resolve(RFC, pointer) == value


@pytest.mark.parametrize(
    "pointer", ["/foo/2", "/foo/-", "/foo/01", "/foo/-1", "/foo/x", "/bar", "/foo/0/x", "/foo/٣"]
)
def test_what_is_not_there_is_the_default(pointer: str) -> None:
    assert resolve(RFC, pointer, "nothing") == "nothing"


def test_a_null_that_is_there_is_not_the_default() -> None:
    assert resolve({"code": None}, "/code", "nothing") is None


def test_tilde_one_after_tilde_zero_is_a_tilde_and_a_one() -> None:
    assert resolve({"~1": "yes"}, "/~01") == "yes"


@pytest.mark.parametrize("pointer", ["foo", "reference/id", "/a~2b", "/a~"])
def test_a_malformed_pointer_is_refused_when_it_is_configured(pointer: str) -> None:
    with pytest.raises(PointerError, match="is not a JSON pointer"):
        compile_pointer(pointer)


@given(JSON, st.data())
def test_every_value_is_found_at_the_pointer_that_leads_to_it(document: object, data: st.DataObject) -> None:
    value, pointer = document, ""
    while isinstance(value, (dict, list)) and value and data.draw(st.booleans()):
        if isinstance(value, dict):
            step: object = data.draw(st.sampled_from(sorted(value)))
            value = value[step]
        else:
            step = data.draw(st.integers(0, len(value) - 1))
            value = value[step]
        pointer += "/" + str(step).replace("~", "~0").replace("/", "~1")
    assert resolve(document, pointer) == value


@given(JSON, st.text("ab~/01-", max_size=8))
def test_no_document_makes_a_pointer_raise(document: object, tail: str) -> None:
    pointer = "/" + tail.replace("~", "~0")
    resolve(document, pointer)
