"""What discovery sees beyond a row of steps: alternatives, steps after steps, items, facilities, offices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from slo.calendars import load
from slo.workflows.discover.mine import Activity, Share
from slo.workflows.discover.office import office
from slo.workflows.discover.propose import Proposal, discover
from slo.workflows.discover.relate import alternatives, decides
from slo.workflows.load import define_text
from tests.workflows.traffic import MONDAY, Span, charge, discharge, insert, journal
from tracing.identity import Resolver
from tracing.store import Store

NOW = MONDAY + timedelta(days=21)
HOUR = timedelta(hours=1)


def _message(visit: str, minutes: float, number: int, interface: str, message: str, *keys: str) -> Span:
    """A message on an interface about a visit, or about what `keys` name instead."""
    one = charge(visit, minutes, start=MONDAY + number * HOUR)
    seen = replace(one.seen, interface=interface, source=f"{interface} sender", message=message)
    return replace(one, seen=replace(seen, destination=f"{interface} receiver"), keys=keys or one.keys)


def traffic() -> list[Span]:
    """Eighty discharges, an hour between them; every third is of another facility.

    It is told by mail or by fax, never both. The ward answers when it likes, and a robot two minutes after
    that. Only the south keeps a register.
    """
    spans: list[Span] = []
    for number in range(80):
        visit, south = f"{number}", number % 3 == 0
        spans.append(discharge(visit, start=MONDAY + number * HOUR, facility="SOUTH" if south else "NORTH"))
        by_mail = number % 2 == 0
        spans.append(_message(visit, 5, number, "mail" if by_mail else "fax", "MDM^T02"))
        answered = 20 + (number * 37) % 600
        spans.append(_message(visit, answered, number, "ward", "ORU^R01"))
        spans.append(_message(visit, answered + 2, number, "robot", "ORU^R01"))
        if south:
            spans.append(_message(visit, 30, number, "register", "MDM^T02"))
    return spans


@pytest.fixture
def found(store: Store) -> Proposal:
    insert(store, traffic())
    Resolver(store).step(NOW)
    return discover(store, "visit", NOW, days=30, start="ADT^A03@ehr-adt")


def test_alternatives_what_it_comes_after_and_the_facility_are_found(found: Proposal) -> None:
    steps = {step.name: step for step in found.steps}
    assert list(steps) == [
        "engine accepted",
        "fax receiver or mail receiver MDM^T02",
        "register receiver MDM^T02",
        "ward receiver ORU^R01",
        "robot receiver ORU^R01",
    ]
    assert steps["fax receiver or mail receiver MDM^T02"].members == ("MDM^T02@fax", "MDM^T02@mail")
    register = steps["register receiver MDM^T02"]
    assert (register.tag, register.values, register.share) == ("facility", ("SOUTH",), Share(27, 27))
    robot = steps["robot receiver ORU^R01"]
    assert (robot.after, robot.within) == ("ORU^R01@ward", "2m")
    assert not any(step.optional for step in found.steps)


def test_what_is_proposed_is_a_workflow_that_says_why(found: Proposal) -> None:
    spec = define_text(found.yaml, "proposed").workflow.spec
    told = {step.name: step for step in spec.steps}
    assert [match.interface for match in told["fax receiver or mail receiver MDM^T02"].any_of] == [
        ("fax",), ("mail",),
    ]  # fmt: skip
    assert told["robot receiver ORU^R01"].after == ("ward receiver ORU^R01",)
    assert told["register receiver MDM^T02"].when == {"facility": ("SOUTH",)}
    assert "# one of these: MDM^T02@fax 50.0%, MDM^T02@mail 50.0%; two of them in 0" in found.yaml
    assert "27 of 27 (100.0%) with facility SOUTH, 0 of 53 (0.0%) of others" in found.yaml
    assert "# counted from ward receiver ORU^R01: 80 of 100 within" in found.yaml
    # Five in a hundred of the answers come after the deadline that 95 keep.
    assert found.coverage.old == 80
    assert found.coverage.rate >= 0.95
    assert len(found.did) == 5


def test_journeys_with_several_orders_are_judged_order_by_order(store: Store) -> None:
    spans: list[Span] = []
    for number in range(30):
        visit = f"{number}"
        spans += [discharge(visit, -60, start=MONDAY + number * HOUR)]
        if number < 20:
            for order in range(1 + number % 3):
                named = (f"visit:{number}", f"order:{number}-{order}")
                spans.append(_message(visit, 60 * order, number, "orders", "ORM^O01", *named))
                spans.append(_message(visit, 60 * order + 20, number, "results", "ORU^R01", named[1]))
            spans.append(_message(visit, 240, number, "bundle", "MDM^T02"))
        spans.append(journal(visit, 500, start=MONDAY + number * HOUR))
    insert(store, spans)
    Resolver(store).step(NOW)
    found = discover(store, "visit", NOW, start="ORM^O01@orders")
    assert found.thing is not None
    assert (found.thing.kind, found.thing.several, found.thing.journeys) == ("order", 13, 20)
    # The bundle is about the orders of a visit, the journal and the discharge come without orders, too.
    assert found.thing.shared == ("MDM^T02@bundle",)
    assert set(found.thing.others) == {"ADT^A03@ehr-adt", "POST /journals@erp-journals"}
    assert found.observed.journeys == 39
    assert [step.name for step in found.steps] == [
        "orders receiver accepted", "results receiver ORU^R01", "bundle receiver MDM^T02",
    ]  # fmt: skip
    spec = define_text(found.yaml, "proposed").workflow.spec
    assert spec.for_each == "order"
    assert [step.matches[0].shared for step in spec.steps] == [False, False, True]
    assert (found.coverage.had, found.coverage.old) == (39, 39)
    assert found.observed.paths[0].example in {path.example for path in found.observed.paths}
    assert " " not in found.observed.paths[0].example


def test_a_desk_that_closes_at_night_gets_a_deadline_in_business_hours(store: Store) -> None:
    spans: list[Span] = []
    calendar = load("us-business")
    for number in range(80):
        begin = MONDAY + number * 4 * HOUR
        answered = calendar.add_business_time(begin, timedelta(minutes=50 + number % 60))
        minutes = (answered - begin) / timedelta(minutes=1)
        spans.append(discharge(f"{number}", start=begin))
        spans.append(replace(_message(f"{number}", 0, 0, "desk", "MDM^T02"), seen=_at(spans[-1], minutes)))
    insert(store, spans)
    Resolver(store).step(NOW)
    found = discover(store, "visit", NOW, start="ADT^A03@ehr-adt")
    assert [(step.within, step.calendar) for step in found.steps[1:]] == [("2 business hours", "us-business")]
    assert "calendar: us-business" in found.yaml
    assert "in the hours of us-business; of these 95 of 100 need 1.8 h, by the clock" in found.yaml
    assert (found.coverage.had, found.coverage.old) == (80, 80)


def _at(span: Span, minutes: float):  # type: ignore[no-untyped-def]
    moment = span.seen.sent + timedelta(minutes=minutes)
    return replace(
        span.seen, sent=moment, acknowledged=moment, interface="desk", message="MDM^T02", destination="desk"
    )


def _daily(hours: Sequence[float]) -> list[tuple]:  # type: ignore[type-arg]
    begins = [MONDAY + timedelta(hours=7 * number) for number in range(60)]
    return [(begin, begin + timedelta(hours=hours[n % len(hours)])) for n, begin in enumerate(begins)]


def test_delays_that_do_not_care_for_nights_have_no_calendar() -> None:
    assert office(_daily([5, 9, 14, 30]), [load("us-business")]) is None
    assert office(_daily([0.1])[:29], [load("us-business")]) is None, "too few to say"


def test_what_moves_by_working_days_has_a_deadline_in_them() -> None:
    calendar = load("us-business")
    begins = [MONDAY + timedelta(hours=7 * number) for number in range(80)]
    moments = [(begin, calendar.add_business_days(begin, 2) - timedelta(minutes=1)) for begin in begins]
    found = office(moments, [calendar])
    assert found is not None
    assert found.within == "2 business days"


def _activity(name: str, had: int, by_tag: dict[str, dict[str, Share]] | None = None) -> Activity:
    return Activity(name, had, 1.0, 2.0, 0, Share(100, had), by_tag or {})


def test_two_that_often_come_together_are_no_alternatives() -> None:
    some = [_activity("A@x", 50), _activity("B@y", 45)]
    assert alternatives(some, {("A@x", "B@y"): (95, 0)})["A@x|B@y"].members == ("A@x", "B@y")
    assert alternatives(some, {("A@x", "B@y"): (90, 5)}) == {}
    assert alternatives([some[0], _activity("B@y", 20)], {("A@x", "B@y"): (70, 0)}) == {}, "30 have none"


def test_the_tag_with_the_fewest_values_to_name_decides() -> None:
    rare, often = Share(50, 0), Share(50, 49)
    unit = {"A": often, "B": often, "C": rare}
    assert decides({"unit": unit, "ward": {"I": often, "O": rare}}) == ("ward", ("I",), often)
    assert decides({"unit": {"A": often, "B": Share(50, 25)}}) is None, "half of B is no answer"
