"""Every word of the language: the SQL against the plain-Python reference, in any order and at any moment.

Many small visits with a few orders each are drawn at once, so that an example costs an insert, not an engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slo.workflows.activate import activate, in_force
from slo.workflows.compile import judged
from slo.workflows.facts import Facts
from slo.workflows.judge import Seen, judge
from slo.workflows.judgement import facts_of
from slo.workflows.load import Definition, define
from tests.workflows.conftest import EVERY_WORD, WRITTEN, Hospital
from tests.workflows.traffic import Span, at, insert, token_of
from tracing.store import Store, open_store

NAME = "every-word"
MINUTES = st.one_of(
    st.sampled_from([-1.0, 0.0, 4.99, 5.0, 60.0, 119.9, 120.0, 121.0, 1440.0, 2880.0, 4320.0]),
    st.integers(0, 6000).map(float),
)
#: (interface, source, destination, message, operation): what the workflow knows, and a stranger.
ROADS = (
    ("orders", "ehr", "lab", "ORM^O01", ""),
    ("orders", "ehr", "lab", "OML^O21", ""),
    ("orders", "ehr", "lab", "ORM^CA", ""),
    ("results", "lab", "ehr", "ORU^R01", ""),
    ("results-api", "lab", "ehr", "", "POST /results"),
    ("results", "lab", "ehr", "REPEAT", ""),
    ("charges", "engine", "billing", "DFT^P03", ""),
    ("copies", "engine", "archive", "COPY", ""),
    ("adt", "engine", "ehr", "DISCHARGE", ""),
)
OUTCOMES = ("accepted", "accepted", "accepted", "rejected", "error", "timeout", "none")


@st.composite
def messages(draw: st.DrawFn, visit: str) -> list[Span]:
    """What was observed of one visit with up to three orders, from nothing to everything twice."""
    begin = draw(st.sampled_from([0.0, 700.0, 1440.0 * 4, 1440.0 * 6]))
    facility = draw(st.sampled_from(["NSH", "SOUTH", "WEST", ""]))
    patient_class = draw(st.sampled_from(["I", "O", "R", ""]))
    found = []
    for number in range(draw(st.integers(2, 14))):
        road = draw(st.sampled_from(ROADS if number else ROADS[:1]))
        orders = draw(st.lists(st.sampled_from("123"), unique=True, max_size=2))
        both = draw(st.booleans())
        keys = [f"visit:{visit}"]
        keys += [f"order:{visit}-P{order}" for order in orders if both or draw(st.booleans())]
        fillers = [f"order:{visit}-F{order}" for order in orders if both]
        sent = begin + draw(MINUTES) * (1.0 if number else 0.0)
        seen = Seen(
            sent=at(sent),
            acknowledged=at(sent + draw(st.sampled_from([0.0, 0.01, 3.0]))),
            interface=road[0],
            source=road[1],
            destination=road[2],
            message=road[3],
            operation=road[4],
            outcome=draw(st.sampled_from(OUTCOMES)),
            reason=draw(st.sampled_from(["", "", "closed"])),
            facility=facility,
            tags=draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "patient_class": st.just(patient_class),
                        "status": st.sampled_from(["final", "draft"]),
                        "kind": st.sampled_from(["repeat", "first"]),
                    },
                )
            ),
            identity=draw(st.sampled_from(["", "", "C1", "C2"])),
        )
        found.append(Span(seen, (*keys, *fillers)))
    return found


@st.composite
def days(draw: st.DrawFn) -> list[list[Span]]:
    return [draw(messages(f"{number}")) for number in range(draw(st.integers(10, 30)))]


def expected(definition: Definition, visits: list[list[Span]]) -> Iterator[Facts]:
    """The reference's facts, every visit being a journey."""
    for spans in visits:
        if spans:
            root = token_of(next(key for key in spans[0].keys if key.startswith("visit")))
            seen = [replace(span.seen, items=items(span), identity=identity(span)) for span in spans]
            yield from judge(definition.workflow, root, seen, definition.calendars)


def items(span: Span) -> tuple[tuple[str, ...], ...]:
    """The orders of a message: placer and filler pairwise where there is one for one."""
    placers = [token_of(key) for key in span.keys if key.startswith("order") and "-P" in key]
    fillers = [token_of(key) for key in span.keys if key.startswith("order") and "-F" in key]
    if fillers and placers and len(fillers) == len(placers):
        return tuple(zip(placers, fillers, strict=True))
    return tuple((token,) for token in placers + fillers)


def identity(span: Span) -> str:
    return span.seen.identity or span.span_id


@pytest.fixture(scope="module")
def laboratory(embedded_url: str) -> Iterator[Store]:
    with open_store(f"{embedded_url}?database=test_every_word") as store:
        store.migrate()
        activate(store, define(EVERY_WORD), at(0))
        yield store


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(visits=days(), data=st.data())
def test_every_word_means_what_the_model_says(
    laboratory: Store, visits: list[list[Span]], data: st.DataObject
) -> None:
    for table in WRITTEN:
        laboratory.command(f"TRUNCATE TABLE {table}")
    definition = define(EVERY_WORD)
    hospital = Hospital.over(laboratory, definition)
    spans = [span for visit in visits for span in visit]
    sent = data.draw(st.permutations(spans + spans[:: data.draw(st.integers(2, 4))]))
    parts = data.draw(st.integers(1, 2))
    for n in range(parts):
        insert(laboratory, sent[n::parts])
        hospital.settle()
    wanted = {(facts.journey, facts.item, facts.occurrence): facts for facts in expected(definition, visits)}
    keys = [(NAME, journey, item, 1, number) for journey, item, number in wanted]
    stored = {(facts.journey, facts.item, facts.occurrence): facts for facts in facts_of(laboratory, keys)}
    for key, facts in wanted.items():
        assert stored.get(key) == replace(facts, version=1), key
    for minutes in (0, 5.1, 121, 1500, 4321, 9000, 30_000):
        assert states(laboratory, at(minutes)) == {
            key: facts.state(at(minutes)) for key, facts in wanted.items() if facts.started_at <= at(minutes)
        }
    (compiled,) = in_force(laboratory, at(0))
    columns = [row[0] for row in laboratory.query("DESCRIBE TABLE instances").rows]
    compared = ", ".join(name for name in columns if name not in ("deleted", "evaluated_at"))
    everything = laboratory.query(f"SELECT {compared} FROM ({compiled.facts()})").rows
    kept = laboratory.query(f"SELECT {compared} FROM instances FINAL WHERE deleted = 0").rows
    assert sorted(everything, key=repr) == sorted(kept, key=repr)


def states(store: Store, now: datetime) -> dict[tuple[str, str, int], str]:
    return {(row[2], row[7], row[3]): row[6] for row in store.query(judged(), {"now": now}).rows}


def test_a_deadline_of_a_facility_is_its_own(laboratory: Store) -> None:
    definition = define(EVERY_WORD)
    spec = definition.workflow.spec
    accepted = spec.step("lab accepted")
    here, there = (spec.deadline_at(accepted, facility) for facility in ("NSH", "SOUTH"))
    assert (str(here), str(there)) == ("5m", "1 business hours")
    assert spec.calendar_at("WEST") == "always"
    assert here is not None
    assert here.longest() == timedelta(minutes=5)
