"""Which message caused which, told as small hospitals; and that a guess is never called certain."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from tracing.lineage import Arrow, Message, Rule, arrows
from tracing.lineage.model import KeyToken

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
VISIT, ACCOUNT = KeyToken("visit", "v1"), KeyToken("account", "a1")
BOTH = (VISIT, ACCOUNT)


def message(name: str, at_s: float, way: str, kind: str = "ADT^A03", **more: object) -> Message:
    """`way` is source>destination; one interface for each way."""
    source, destination = way.split(">")
    at = NOON + timedelta(seconds=at_s)
    given: dict[str, object] = {"keys": BOTH, "trace_id": "t", **more}
    return Message(
        span_id=name, at=at, end=at + timedelta(milliseconds=20), interface=way, source=source,
        destination=destination, kind=kind, **given,
    )  # fmt: skip


def said(found: Iterable[Arrow]) -> list[tuple[str, str, str, str]]:
    return [(one.cause, one.effect, one.basis, one.certainty) for one in found]


def test_a_discharge_becomes_an_update_a_charge_a_journal_and_a_claim() -> None:
    day = 86400
    found = arrows(
        [
            message("admission", -3 * day, "ehr>engine", "ADT^A01"),
            message("discharge", 0, "ehr>engine"),
            message("told", 6, "engine>billing"),
            message("charge", 180, "engine>billing", "DFT^P03"),
            message("journal", 420, "engine>erp", "POST /journals", keys=(ACCOUNT,)),
            message("claim", day, "billing>clearing", "837", keys=(ACCOUNT,)),
            message("taken", day + 900, "clearing>billing", "999", keys=(), links=("claim",)),
        ]
    )
    assert said(found) == [
        ("discharge", "told", "key", "probable"),
        ("discharge", "charge", "key", "probable"),
        ("discharge", "journal", "key", "probable"),
        ("charge", "claim", "key", "probable"),
        ("claim", "taken", "link", "certain"),
    ]
    assert found[0].evidence == "the same visit, the same type, 6 s before"
    assert found[2].evidence == "the same account, a type that leads to it, 7 min before"


def test_an_answer_about_a_set_came_of_what_was_in_it() -> None:
    found = arrows(
        [
            message("claim", 0, "billing>clearing", "837", keys=(ACCOUNT,), batch="s7"),
            message("resubmitted", 5, "billing>clearing", "837", keys=(ACCOUNT,), batch="s8"),
            message("refused", 60, "clearing>billing", "999", keys=(), batch="s7"),
            message("elsewhere", 61, "payer>billing", "999", keys=(), batch="s7"),
            message("accepted", 62, "clearing>billing", "999", keys=(), batch="s8"),
        ]
    )
    assert said(found) == [
        ("claim", "refused", "link", "certain"),
        ("resubmitted", "accepted", "link", "certain"),
    ]


def test_propagated_context_wins_over_everything() -> None:
    found = arrows(
        [
            message("first", 0, "ehr>engine", control_id="KEPT0001"),
            message("second", 5, "ehr>engine", control_id="OTHER001"),
            message("out", 6, "engine>billing", control_id="OTHER001", parent="first"),
        ]
    )
    assert said(found) == [("first", "out", "context", "certain")]


def test_context_is_followed_through_spans_of_the_application_between() -> None:
    inside = message("server", 1, ">", parent="in")
    client = message("client", 2, ">", parent="server")
    blank = {"interface": "", "source": "", "destination": "", "keys": ()}
    between = [
        Message(one.span_id, "t", one.at, one.end, parent=one.parent, **blank)  # type: ignore[arg-type]
        for one in (inside, client)
    ]
    found = arrows(
        [message("in", 0, "ehr>engine"), *between, message("out", 3, "engine>erp", parent="client")]
    )
    assert ("in", "out", "context", "certain") in said(found)


def test_both_carry_the_context_of_a_sender_that_nobody_watched() -> None:
    found = arrows(
        [
            message("in", 0, "ehr>engine", parent="unseen"),
            message("other", 1, "ehr>engine"),
            message("out", 2, "engine>billing", parent="unseen"),
        ]
    )
    assert said(found) == [("in", "out", "context", "certain")]


def test_an_engine_that_keeps_the_control_id_says_which_message_it_was() -> None:
    found = arrows(
        [
            message("first", 0, "ehr>engine", "ADT^A08", control_id="EHR00001"),
            message("second", 1, "ehr>engine", "ADT^A08", control_id="EHR00002"),
            message("out2", 3, "engine>billing", "ADT^A08", control_id="EHR00002"),
            message("out1", 4, "engine>billing", "ADT^A08", control_id="EHR00001"),
        ]
    )
    assert said(found) == [
        ("second", "out2", "control_id", "certain"),
        ("first", "out1", "control_id", "certain"),
    ]


def test_a_control_id_that_is_a_counter_is_only_probable() -> None:
    found = arrows(
        [message("in", 0, "ehr>engine", control_id="17"), message("out", 1, "engine>erp", control_id="17")]
    )
    assert said(found) == [("in", "out", "control_id", "probable")]


def test_an_answer_refers_to_the_control_id_of_what_it_answers() -> None:
    found = arrows(
        [
            message("order", 0, "ehr>lab", "ORM^O01", control_id="ORD-0001"),
            # Its own acknowledgement refers to its own control ID: that is no cause.
            message("result", 600, "lab>ehr", "ORU^R01", control_id="RES-0001", conversation_id="ORD-0001"),
            message("update", 700, "ehr>lab", "ADT^A60", control_id="UPD-0001", conversation_id="UPD-0001"),
        ]
    )
    assert said(found) == [("order", "result", "reference", "certain")]


def test_an_engine_reports_the_message_it_made_another_from() -> None:
    found = arrows(
        [
            message("in", 0, "oie>oie", "", engine_message="adt:7"),
            message("other", 0.1, "oie>oie", "", engine_message="adt:8"),
            message("out", 1, "oie>oie", "", engine_message="bill:3", engine_source="adt:7"),
        ]
    )
    assert ("in", "out", "engine", "certain") in said(found)


def test_updates_are_handed_on_in_their_order() -> None:
    updates = [message(f"in{n}", n, "ehr>engine", "ADT^A08") for n in (0, 1)]
    told = [message(f"out{n}", 5 + n, "engine>billing", "ADT^A08") for n in (0, 1)]
    found = arrows([*told, *updates])
    assert said(found) == [("in0", "out0", "key", "possible"), ("in1", "out1", "key", "probable")]
    assert found[0].evidence.endswith("one of 2 that could be")


def test_what_is_sent_again_came_of_the_same_message() -> None:
    found = arrows(
        [
            message("in", 0, "ehr>engine"),
            message("out", 1, "engine>billing"),
            message("again", 31, "engine>billing"),
        ]
    )
    assert [(one.cause, one.effect) for one in found] == [("in", "out"), ("in", "again")]
    assert "sent again" in found[1].evidence


def test_nothing_is_named_where_too_many_could_be_it() -> None:
    many = [message(f"in{n}", n, "ehr>engine", "ADT^A08") for n in range(9)]
    assert arrows([*many, message("out", 20, "engine>billing", "DFT^P03")]) == []


def test_a_message_of_another_patient_is_no_cause() -> None:
    other = message("in", 0, "ehr>engine", keys=(KeyToken("visit", "v2"),))
    assert arrows([other, message("out", 1, "engine>billing")]) == []


def test_a_charge_causes_no_discharge_and_a_message_to_elsewhere_nothing() -> None:
    assert arrows([message("in", 0, "ehr>engine", "DFT^P03"), message("out", 1, "engine>billing")]) == []
    assert arrows([message("in", 0, "ehr>archive"), message("out", 1, "engine>billing")]) == []


def test_two_at_the_very_same_moment_are_not_told_apart() -> None:
    orders = [message(name, 0, "ehr>engine", kind) for name, kind in (("a", "ORM^O01"), ("b", "ORU^R01"))]
    rules = (Rule("OR*", "POST *", timedelta(hours=1)),)
    assert arrows([*orders, message("out", 9, "engine>erp", "POST /charges")], rules) == []


def test_parts_of_one_transmission_do_not_cause_each_other() -> None:
    bundle = message("bundle", 0, "app>api", "POST /", keys=())
    entry = message("entry", 0, "app>api", "POST /Encounter", parent="bundle", links=("bundle",))
    assert arrows([bundle, entry]) == []


def test_a_shared_key_that_is_not_the_best_weakens_the_guess() -> None:
    case = KeyToken("case", "c1")
    order = message("used", 0, "or>engine", "POST /usage", keys=(case,))
    bought = message("bought", 60, "engine>erp", "POST /orders", keys=(KeyToken("order", "o1"), case))
    (found,) = arrows([order, bought])
    assert (found.basis, found.certainty) == ("key", "probable")
    assert found.confidence == pytest.approx(0.66)
