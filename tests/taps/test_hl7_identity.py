"""Merges, changes, moves, links and cancellations of HL7 v2.5.1 chapter 3, as facts beside the keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.taps.replay import Observer
from tests.taps.test_observe_hl7 import BASE, assert_alike
from tests.taps.world import SEALER, SITE, Kept, Seen, interfaces, token
from tracing.authorities import Authorities
from tracing.identity_settings import IdentitySettings


class Element(NamedTuple):
    event: str
    level: str
    before: str
    now: str
    subject: str
    at: str


def elements(seen: Seen) -> list[Element]:
    """The attribute, with identifiers in place of references: `kind:authority:value`."""
    return [Element(*one.split(",")) for one in (seen["journey.identity"] or "").split(" ") if one]


def value(reference: str) -> str:
    """`kind:authority` of a reference and, where it has a sealed value, the value."""
    kind, authority, *rest = reference.split(":")
    if len(rest) == 2:
        opened = SEALER.open(rest[1])
        assert (opened.kind, opened.authority) == (kind, unquote(authority))
        assert SEALER.token(opened) == rest[0]
        return opened.value
    return rest[0]


def event(trigger: str, *lines: str, evn: str = "20260301120000") -> bytes:
    head = f"MSH|^~\\&|EHR|NSH|ENGINE|NSH|20260301120500||ADT^{trigger}|C1|P|2.5.1"
    return "\r".join([head, f"EVN|{trigger}|{evn}", *lines, ""]).encode()


def pid(mrn: str, account: str = "", external: str = "", alternate: str = "") -> str:
    return f"PID|1|{external}|{mrn}|{alternate}|DOE^JANE||19700101|F||||||||||{account}"


def mrg(mrn: str = "", account: str = "", external: str = "", visit: str = "", alternate: str = "") -> str:
    return f"MRG|{mrn}||{account}|{external}|{visit}|{alternate}"


def pv1(visit: str, alternate: str = "") -> str:
    return f"PV1|1|I{'|' * 17}{visit}{'|' * 31}{alternate}"


def observe(message: bytes, zone: str = "UTC", **extra: Any) -> Seen:
    sink = Kept()
    site = Observer(interfaces(BASE | extra), SITE, sink, zone=ZoneInfo(zone))
    site.observe_mllp("ehr-adt", message, None, 1_000, 2_000)
    (seen,) = sink.spans
    return seen


def told(message: bytes, **extra: Any) -> list[tuple[str, ...]]:
    """(event, level, value until now, token now, token of the subject)."""
    return [
        (
            one.event,
            one.level,
            one.before and value(one.before),
            *(r and value(r) for r in (one.now, one.subject)),
        )
        for one in elements(observe(message, **extra))
    ]


M1, M2 = token("mrn", "M1"), token("mrn", "M2")
A1, V1 = token("account", "A1"), token("visit", "V1")


@pytest.mark.parametrize("trigger", ["A18", "A30", "A34", "A36", "A39", "A40"])
def test_merged_patients(trigger: str) -> None:
    assert told(event(trigger, pid("M1^^^NSH"), mrg("M0^^^NSH"))) == [("merge", "patient", "M0", M1, "")]


@pytest.mark.parametrize("trigger", ["A46", "A47", "A48"])
def test_changed_patient_identifiers(trigger: str) -> None:
    assert told(event(trigger, pid("M1"), mrg("M0"))) == [("change", "patient", "M0", M1, "")]


@pytest.mark.parametrize(("trigger", "name"), [("A35", "merge"), ("A41", "merge"), ("A49", "change")])
def test_accounts(trigger: str, name: str) -> None:
    message = event(trigger, pid("M1", "A1^^^NSH"), mrg("M0", "A0^^^NSH"))
    assert told(message) == [(name, "account", "A0", A1, "")]


@pytest.mark.parametrize(("trigger", "name"), [("A42", "merge"), ("A50", "change")])
def test_visits(trigger: str, name: str) -> None:
    message = event(trigger, pid("M1", "A1"), mrg("M1", "A1", visit="V0"), pv1("V1"))
    assert told(message) == [(name, "visit", "V0", V1, "")]


def test_an_alternate_visit() -> None:
    message = event("A51", pid("M1"), mrg("M1", alternate="X0"), pv1("V1", "X1"))
    assert told(message) == [("change", "visit", "X0", token("case", "X1", "NSH:ALTERNATE"), "")]


def test_patient_and_account_merged_together() -> None:
    assert told(event("A36", pid("M1", "A1"), mrg("M0", "A0"))) == [
        ("merge", "patient", "M0", M1, ""),
        ("merge", "account", "A0", A1, ""),
    ]


def test_a_patient_merge_merges_no_accounts() -> None:
    for trigger in ("A18", "A34", "A40"):
        assert told(event(trigger, pid("M1", "A1"), mrg("M0", "A0"))) == [("merge", "patient", "M0", M1, "")]


def test_a_change_of_class_with_another_account() -> None:
    message = event("A06", pid("M1", "A1"), mrg("M1", "A0"), pv1("V1"))
    assert told(message) == [("change", "account", "A0", A1, "")]
    assert told(event("A06", pid("M1", "A1"), pv1("V1"))) == []


def test_an_external_identifier_changes_in_its_own_fields() -> None:
    message = event("A46", pid("M1", external="E1"), mrg("M1", external="E0"))
    assert told(message) == [("change", "patient", "E0", token("mrn", "E1"), "")]
    assert token("mrn", "E1") in {key.split(":")[2] for key in observe(message)["journey.keys"]}


def test_an_external_identifier_may_become_a_usual_one() -> None:
    assert told(event("A39", pid("M1"), mrg(external="E0"))) == [("merge", "patient", "E0", M1, "")]


def test_an_alternate_identifier_changes_in_its_own_fields() -> None:
    message = event("A48", pid("M1", alternate="E1"), "MRG|M1|E0")
    assert told(message) == [("change", "patient", "E0", token("mrn", "E1"), "")]


def test_early_senders_name_the_prior_patient_elsewhere() -> None:
    assert told(event("A34", pid("M1"), mrg(external="M0"))) == [("merge", "patient", "M0", M1, "")]


def test_an_account_moves_between_patients() -> None:
    message = event("A44", pid("M2", "A1"), mrg("M1", "A1"))
    assert told(message) == [("move", "account", "M1", M2, A1)]


def test_a_visit_moves_between_accounts() -> None:
    message = event("A45", pid("M1", "A1"), mrg("M1", "A0", visit="V1"), pv1("V1"))
    assert told(message) == [("move", "visit", "A0", A1, V1)]


def test_a_visit_that_moves_may_get_another_number() -> None:
    message = event("A45", pid("M1", "A1"), mrg("M1", "A0", visit="V0"), pv1("V1"))
    assert told(message) == [("move", "visit", "A0", A1, V1), ("change", "visit", "V0", V1, "")]


def test_a_visit_moves_with_the_patient_where_no_account_is_named() -> None:
    message = event("A45", pid("M2"), mrg("M1", visit="V1"), pv1("V1"))
    assert told(message) == [("move", "visit", "M1", M2, V1)]


def test_a_visit_moves_between_accounts_of_two_patients() -> None:
    message = event("A45", pid("M2", "A1"), mrg("M1", "A0", visit="V1"), pv1("V1"))
    assert told(message) == [("move", "visit", "A0", A1, V1), ("move", "visit", "M1", M2, V1)]


def test_patient_identifiers_move() -> None:
    assert told(event("A43", pid("M2"), mrg("M1"))) == [("move", "patient", "M1", M2, "")]
    # The standard's own example: PID-3 stays, what it belongs to is in PID-2 and MRG-4.
    message = event("A43", pid("M3", external="M2"), mrg("M3", external="M1"))
    assert told(message) == [("move", "patient", "M1", M2, "")]


@pytest.mark.parametrize(("trigger", "name"), [("A24", "link"), ("A37", "unlink")])
def test_two_patients_are_linked_and_unlinked(trigger: str, name: str) -> None:
    seen = observe(event(trigger, pid("M1"), pv1("V1"), pid("M2"), pv1("V2")))
    (one,) = elements(seen)
    assert (one.event, one.level, value(one.before), value(one.now)) == (name, "patient", "M2", M1)
    # The keys are the first patient's: two in one message are two people.
    assert seen.tokens == {"visit": V1, "mrn": M1}
    assert len(seen["journey.keys"]) == 2


@pytest.mark.parametrize("trigger", ["A11", "A12", "A13", "A27", "A38"])
def test_cancellations(trigger: str) -> None:
    assert told(event(trigger, pid("M1", "A1"), pv1("V1"))) == [("cancel", "visit", "", V1, "")]
    assert told(event(trigger, pid("M1", "A1"))) == [("cancel", "account", "", A1, "")]
    assert told(event(trigger, pid("M1"))) == []


@pytest.mark.parametrize("trigger", ["A01", "A03", "A08", "A28", "A31"])
def test_ordinary_events_say_nothing_about_identity(trigger: str) -> None:
    assert observe(event(trigger, pid("M1", "A1"), pv1("V1")))["journey.identity"] is None


def test_earlier_keys_are_no_keys_of_the_message() -> None:
    seen = observe(event("A36", pid("M1", "A1"), mrg("M0", "A0", visit="V0"), pv1("V1")))
    assert seen.tokens == {"visit": V1, "account": A1, "mrn": M1}
    assert len(seen["journey.keys"]) == 3


def test_identifiers_pair_by_authority() -> None:
    message = event("A40", pid("M1^^^NSH~E1^^^EPI&1.2&ISO"), mrg("E0^^^EPI&1.2&ISO~M0^^^NSH~X0^^^OLD"))
    assert told(message) == [
        ("merge", "patient", "E0", token("mrn", "E1", "EPI"), ""),
        ("merge", "patient", "M0", M1, ""),
        ("merge", "patient", "X0", M1, ""),  # of a system that has no number of the other
    ]


def test_what_did_not_change_is_no_merge() -> None:
    message = event("A40", pid("M1^^^NSH~E1^^^EPI"), mrg("M0^^^NSH~E1^^^EPI"))
    assert told(message) == [("merge", "patient", "M0", M1, "")]
    assert told(event("A40", pid("M1"), mrg("M1"))) == []
    assert told(event("A40", pid("M1"))) == []


def test_only_medical_records_merge() -> None:
    message = event("A40", pid("M1^^^NSH^MR"), mrg("078051120^^^USSSA^SS~M0^^^NSH^MR"))
    assert told(message) == [("merge", "patient", "M0", M1, "")]


def test_repeated_groups_give_each_their_own() -> None:
    message = event("A40", pid("M1"), mrg("M0"), pid("M2"), mrg("M9"), pv1("V9"))
    assert told(message) == [("merge", "patient", "M0", M1, ""), ("merge", "patient", "M9", M2, "")]
    assert observe(message).tokens == {"mrn": M1}
    both = event("A44", pid("M1", "A1"), mrg("M0", "A1"), pid("M2", "A2"), mrg("M9", "A2"))
    assert [one[2:] for one in told(both)] == [("M0", M1, A1), ("M9", M2, token("account", "A2"))]


def test_visits_repeat_below_one_patient() -> None:
    lines = (mrg(account="A0", visit="V1"), pv1("V1"), mrg(account="A0", visit="V2"), pv1("V2"))
    assert told(event("A45", pid("M1", "A1"), *lines)) == [
        ("move", "visit", "A0", A1, V1),
        ("move", "visit", "A0", A1, token("visit", "V2")),
    ]


def test_a_visit_before_the_mrg_counts_too() -> None:
    assert told(event("A50", pid("M1"), pv1("V1"), mrg(visit="V0"))) == [("change", "visit", "V0", V1, "")]


def test_many_groups_are_bounded() -> None:
    lines = [line for i in range(200) for line in (pid(f"M{i}"), mrg(f"P{i}"))]
    assert len(elements(observe(event("A40", *lines)))) == 64


def test_a_message_of_nothing_but_merges_costs_what_its_first_do() -> None:
    lines = [pid("M1")] + [mrg(f"P{number}") for number in range(20_000)]
    assert len(elements(observe(event("A40", *lines)))) == 64
    lines = [line for number in range(10_000) for line in (pid(f"M{number}"), pv1("V1"))]
    assert len(elements(observe(event("A24", *lines)))) == 63


def test_numbers_that_are_none_are_raised_and_merge_nobody() -> None:
    seen = observe(event("A40", pid("M1"), mrg("UNKNOWN~M0")))
    assert [value(one.before) for one in elements(seen)] == ["M0"]
    (doubt,) = seen["journey.doubts"].split(" ")
    kind, authority, key, why, sealed = doubt.split(":")
    assert (kind, authority, why, SEALER.open(sealed).value) == ("mrn", "NSH", "blank", "UNKNOWN")
    assert key == token("mrn", "UNKNOWN")
    assert told(event("A40", pid("0000"), mrg("M0"))) == []


def milliseconds(*when: int, zone: str = "UTC") -> str:
    moment = datetime(*when, tzinfo=ZoneInfo(zone))  # type: ignore[misc, arg-type]
    return str(int(moment.astimezone(UTC).timestamp() * 1000))


def test_when_it_happened() -> None:
    def at(message: bytes, zone: str = "UTC") -> str:
        return elements(observe(message, zone))[0].at

    recorded = event("A40", pid("M1"), mrg("M0"))
    assert at(recorded) == milliseconds(2026, 3, 1, 12)
    assert at(recorded, "America/Chicago") == milliseconds(2026, 3, 1, 12, zone="America/Chicago")
    occurred = event("A40", pid("M1"), mrg("M0"), evn="20260301120000||||20260228090000-0600")
    assert at(occurred, "Asia/Tokyo") == milliseconds(2026, 2, 28, 15)
    assert at(event("A40", pid("M1"), mrg("M0"), evn="soon")) == milliseconds(2026, 3, 1, 12, 5)
    timeless = event("A40", pid("M1"), mrg("M0"), evn="").replace(b"|20260301120500|", b"||")
    assert at(timeless) == ""


def test_a_field_that_holds_visits_and_accounts_is_read_by_pattern() -> None:
    keys = [
        {"kind": "visit", "path": "PID-18", "pattern": r"V\d+"},
        {"kind": "account", "path": "PID-18", "pattern": r"A\d+"},
        {"kind": "mrn", "path": "PID-3"},
    ]
    message = event("A49", pid("M1", "V1"), mrg("M1", "V0"))
    assert observe(message, keys=keys).tokens == {"visit": V1, "mrn": M1}
    assert told(message, keys=keys) == [("change", "visit", "V0", V1, "")]
    assert told(event("A49", pid("M1", "A1"), mrg("M1", "A0")), keys=keys) == [
        ("change", "account", "A0", A1, "")
    ]
    assert told(event("A49", pid("M1", "A1"), mrg("M1", "V0")), keys=keys) == []


def test_rules_and_aliases_apply_to_what_was_before() -> None:
    spelt = Authorities(
        IdentitySettings(
            authorities={"NSH": ("1.2.840.1.1", "NORTHSIDE")},
            normalise={"mrn": ("drop_separators", "drop_check_digit")},
        )
    )
    sink = Kept()
    site = Observer(interfaces(BASE), SITE, sink, spelt)
    message = event("A40", pid("12-345^^^&1.2.840.1.1&ISO"), mrg("88-998^^^Northside~12-345^^^NSH"))
    site.observe_mllp("ehr-adt", message, None, 1, 2)
    (one,) = elements(sink.spans[0])
    assert (value(one.before), value(one.now)) == ("8899", token("mrn", "1234"))


def test_an_event_named_in_evn_only() -> None:
    message = event("A40", pid("M1"), mrg("M0")).replace(b"ADT^A40", b"ADT")
    assert told(message) == [("merge", "patient", "M0", M1, "")]


def test_the_same_fields_in_an_ordinary_message_before() -> None:
    """What an interface remembers of fields must not hide what the event says."""
    sink = Kept()
    site = Observer(interfaces(BASE), SITE, sink)
    for trigger in ("A08", "A40", "A08", "A40"):
        site.observe_mllp("ehr-adt", event(trigger, pid("M1"), mrg("M0")), None, 1, 2)
    assert [len(elements(seen)) for seen in sink.spans] == [0, 1, 0, 1]


numbers = st.text(st.sampled_from("M01^~&N"), max_size=8)


@settings(max_examples=60)
@given(
    trigger=st.sampled_from(["A08", "A40", "A24", "A44", "A45", "A50", "A11", "A43"]),
    mrns=st.lists(numbers, min_size=1, max_size=3),
    prior=numbers,
    visit=numbers,
    account=numbers,
)
def test_both_readers_say_the_same(
    trigger: str, mrns: list[str], prior: str, visit: str, account: str
) -> None:
    lines = [
        line for mrn in mrns for line in (pid(mrn, account), mrg(prior, account, visit=visit), pv1(visit))
    ]
    assert_alike(event(trigger, *lines))
