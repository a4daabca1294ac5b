"""The SQL against the plain-Python reference: any order, repetition and delay, at any moment.

Many small visits are drawn at once and stored together, so that an example costs an insert and not an engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slo.workflows import read
from slo.workflows.activate import active
from slo.workflows.compile import judged
from slo.workflows.facts import Facts
from slo.workflows.judge import judge
from slo.workflows.judgement import facts_of
from tests.workflows.conftest import WRITTEN, Hospital
from tests.workflows.traffic import Span, at, charge, claim, discharge, insert, journal, token_of

OUTCOMES = ("accepted", "accepted", "rejected", "error", "timeout", "none")
# Around the deadlines of the workflow: one minute, fifteen, sixty, and three business days.
MINUTES = st.one_of(
    st.sampled_from([0.0, 0.99, 1.0, 14.99, 15.0, 59.98, 60.0, 61.0, 4319.0, 4320.0, 4321.0]),
    st.integers(0, 9000).map(float),
)
STARTS = st.sampled_from([-3000.0, 0.0, 200.0, 1440.0, 9 * 1440.0])


@st.composite
def visits(draw: st.DrawFn, number: int) -> list[Span]:
    """What was observed of one visit, from nothing to everything twice."""
    visit = f"{number}"
    begin = draw(STARTS)
    patient_class = draw(st.sampled_from(["I", "O", "R", ""]))
    spans: list[Span] = []
    for _ in range(draw(st.integers(0, 3))):
        spans.append(
            discharge(
                draw(st.sampled_from([visit, visit, ""])),
                begin + draw(st.sampled_from([0.0, 0.0, 5.0, 300.0])),
                account=visit,
                outcome=draw(st.sampled_from(OUTCOMES)),
                patient_class=patient_class,
                answered_after=draw(st.sampled_from([0.0, 0.01, 2.0])),
            )
        )
    for _ in range(draw(st.integers(0, 1))):
        moment = begin + draw(st.sampled_from([-1.0, 0.0, 4.0, 100.0]))
        spans.append(discharge(visit, moment, message="ADT^A13", patient_class=patient_class))
    for _ in range(draw(st.integers(0, 2))):
        spans.append(charge(visit, begin + draw(MINUTES), outcome=draw(st.sampled_from(OUTCOMES))))
    for _ in range(draw(st.integers(0, 2))):
        reason = draw(st.sampled_from(["", "closed"]))
        spans.append(
            journal(visit, begin + draw(MINUTES), outcome=draw(st.sampled_from(OUTCOMES)), reason=reason)
        )
    for _ in range(draw(st.integers(0, 1))):
        spans.append(claim(visit, begin + draw(MINUTES)))
    return spans


@st.composite
def days(draw: st.DrawFn) -> list[Span]:
    return [span for number in range(draw(st.integers(10, 40))) for span in draw(visits(number))]


def expected(hospital: Hospital, spans: Iterable[Span]) -> list[Facts]:
    """The reference's facts. A visit, its account and its claim are one journey once a span links them."""
    by_visit: dict[str, list[Span]] = {}
    for span in spans:
        by_visit.setdefault(span.keys[-1].partition(":")[2], []).append(span)
    found = []
    for visit, mine in by_visit.items():
        with_visit = any(key.startswith("visit") for span in mine for key in span.keys)
        root = token_of(f"{'visit' if with_visit else 'account'}:{visit}")
        definition = hospital.definition
        found += judge(definition.workflow, root, [span.seen for span in mine], definition.calendars)
    return found


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(spans=days(), data=st.data())
def test_any_order_repetition_and_delay_give_the_verdicts_of_the_model(
    hospital: Hospital, spans: list[Span], data: st.DataObject
) -> None:
    for table in WRITTEN:
        hospital.store.command(f"TRUNCATE TABLE {table}")
    hospital = Hospital.over(hospital.store, hospital.definition)
    sent = data.draw(st.permutations(spans + spans[:: data.draw(st.integers(2, 4))]))
    parts = data.draw(st.integers(1, 2))
    for n in range(parts):
        insert(hospital.store, sent[n::parts])
        hospital.settle()
    wanted = {(facts.journey, facts.occurrence): facts for facts in expected(hospital, spans)}

    keys = [("discharge-to-cash", journey, "", 1, number) for journey, number in wanted]
    stored = {(facts.journey, facts.occurrence): facts for facts in facts_of(hospital.store, keys)}
    assert {key: facts.steps for key, facts in stored.items()} == {
        key: facts.steps for key, facts in wanted.items()
    }
    for now in (at(1), at(16), at(61.5), at(2000), at(30_000)):
        assert states(hospital, now) == {
            key: facts.state(now) for key, facts in wanted.items() if facts.started_at <= now
        }
    assert incremental(hospital) == reference(hospital)


def states(hospital: Hospital, now: datetime) -> dict[tuple[str, int], str]:
    return {(row[2], row[3]): row[6] for row in hospital.store.query(judged(), {"now": now}).rows}


def reference(hospital: Hospital) -> list[tuple[object, ...]]:
    """Every instance from raw checkpoints, in one query over everything."""
    (compiled,) = active(hospital.store)
    sql = f"SELECT {columns(hospital)} FROM ({compiled.facts()})"
    return sorted(hospital.store.query(sql).rows, key=repr)


def incremental(hospital: Hospital) -> list[tuple[object, ...]]:
    """Every instance as the evaluator stored it, step by step."""
    sql = f"SELECT {columns(hospital)} FROM instances AS i FINAL WHERE i.deleted = 0"
    return sorted(hospital.store.query(sql).rows, key=repr)


def columns(hospital: Hospital) -> str:
    """The columns of facts: all but those that only the table has."""
    names = [row[0] for row in hospital.store.query("DESCRIBE TABLE instances").rows]
    return ", ".join(name for name in names if name not in ("deleted", "evaluated_at"))


def test_open_instances_agree_with_instances(hospital: Hospital) -> None:
    hospital.sees([discharge("1"), charge("1", 3), discharge("2"), discharge("3", 50)])
    hospital.sees(
        [discharge("3", 52, message="ADT^A13"), journal("1", 4, outcome="error"), discharge("4", 50)]
    )
    for minutes in (52, 55, 66, 5000):
        (tile,) = read.tiles(hospital.store, at(minutes))
        mine = list(states(hospital, at(minutes)).values())
        for state in ("failed", "overdue", "at_risk", "on_track"):
            assert tile.counts[state] == mine.count(state), (minutes, state)
