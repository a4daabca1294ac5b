"""One box for any number a person has in hand: lists, kinds, authorities, doubts, and nothing said back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from dashboard import found, lookup
from dashboard.pages.frame import Frame
from slo.workflows.rows import Change, Difference
from slo.workflows.search import Match
from tests.dashboard.conftest import Site
from tests.dashboard.fake_doubts import SEALER, SITE_KEY
from tests.dashboard.fake_hospital import JOURNEY, FakeHospital
from tests.dashboard.fake_moment import NOW
from tracing.authorities import Authorities
from tracing.identity_settings import IdentitySettings
from tracing.keys import Key, Sealer

SEEN = [("visit", "NSH"), ("account", "NSH"), ("account", "EAST")]
OTHER = "ab" * 16
FRAME = Frame(NOW, UTC, "Northside Health", "/", {})


def tokens(*keys: tuple[str, str, str]) -> set[str]:
    return {SEALER.token(Key(*key)) for key in keys}


@pytest.mark.parametrize(
    "pasted", ["V1\r\nV2\nV3", "V1, V2;V3,", " V1\tV2\t\tV3 ", "V1\n\nV2;;V3\nV1", "V1 ; V2 ; V3"]
)
def test_a_pasted_list_is_cut_into_its_numbers(pasted: str) -> None:
    assert lookup.split(pasted) == ["V1", "V2", "V3"]


def test_a_bare_number_may_be_of_every_kind_and_authority_seen() -> None:
    assert set(lookup.candidates(" a1 ", None, SEEN, SEALER)) == tokens(
        *((kind, authority, value) for kind, authority in SEEN for value in ("a1", "A1"))
    )
    assert set(lookup.candidates("A1", "account", SEEN, SEALER)) == tokens(
        ("account", "NSH", "A1"), ("account", "EAST", "A1")
    )


def test_a_whole_cx_names_its_authority() -> None:
    assert set(lookup.candidates("A1^^^EAST&1.2.3&ISO^AN", None, SEEN, SEALER)) == tokens(
        ("account", "EAST", "A1")
    )


def test_a_number_is_written_as_the_taps_write_it() -> None:
    rules = Authorities(IdentitySettings(normalise={"account": ("strip_leading_zeros",)}))
    sealer = Sealer(SITE_KEY, rules)
    assert tokens(("account", "NSH", "77")) <= set(lookup.candidates("0077", "account", SEEN, sealer))


def test_a_list_is_answered_by_places_and_says_what_was_too_much() -> None:
    values = ["V2600041", "nothing", "A7700123", *(f"N{number}" for number in range(300))]
    outcome = lookup.search(FakeHospital(), SEALER, values, NOW)
    assert [(hit.position, hit.match.kind) for hit in outcome.hits] == [(0, "visit"), (2, "account")]
    assert outcome.journeys == [JOURNEY]
    assert (outcome.values, outcome.left_out, outcome.not_found[:2]) == (200, 103, [1, 3])


def test_traces_spans_and_control_ids_are_looked_for_too() -> None:
    hospital = FakeHospital()
    hospital.matches = [
        Match("MSG1", OTHER, "certain", "own", "control_id", since=NOW, interface="ehr-adt"),
        Match("00f067aa0ba902b7", OTHER, "certain", "own", "span_id"),
    ]
    traceparent = f"00-{JOURNEY}-00f067aa0ba902b7-01"
    outcome = lookup.search(hospital, SEALER, ["msg1", traceparent, "00F067AA0BA902B7"], NOW)
    assert [(hit.position, hit.match.kind) for hit in outcome.hits] == [
        (0, "control_id"),
        (1, "trace_id"),
        (2, "span_id"),
    ]
    assert lookup.search(hospital, SEALER, ["MSG1"], NOW, "visit").hits == []


def test_the_rest_search_takes_a_list(site: Site) -> None:
    answer = site.program().post("/api/v1/journeys/search", {"values": ["V2600041", "A7700123", "V0"]})
    (only,) = answer.json["journeys"]
    assert [(match["position"], match["kind"], match["authority"]) for match in only["matches"]] == [
        (0, "visit", "NSH"),
        (1, "account", "NSH"),
    ]
    assert answer.json["not_found"] == [2]
    assert "V2600041" not in answer.text
    assert len(site.hospital.looks) == 1


def test_a_number_that_is_none_is_known_and_nobodys(site: Site) -> None:
    site.hospital.matches = [Match("0", "", "quarantined", "quarantined", "mrn", "NSH", why="blank")]
    answer = site.program().post("/api/v1/journeys/search", {"value": "0"}).json
    assert answer["journeys"] == []
    assert [match["why"] for match in answer["nobody"]] == ["blank"]


def words(match: Match, position: int = 0, values: int = 1) -> str:
    outcome = lookup.Outcome(values, [lookup.Hit(position, match)])
    known = FakeHospital().outlines([JOURNEY], NOW)
    return str(found.panel(FRAME, ["V1234567", "V7654321"][:values], outcome, known))


def test_one_certain_encounter_is_gone_to_at_once() -> None:
    plain = Match("x", JOURNEY, "certain", "key", "visit", "NSH")
    assert found.straight(lookup.Outcome(1, [lookup.Hit(0, plain)])) == JOURNEY
    for doubtful in (
        replace_match(plain, certainty="probable"),
        replace_match(plain, why="reused"),
        replace_match(plain, via="merge"),
    ):
        assert found.straight(lookup.Outcome(1, [lookup.Hit(0, doubtful)])) == ""
    assert found.straight(lookup.Outcome(2, [lookup.Hit(0, plain)])) == ""


def replace_match(match: Match, **changes: object) -> Match:
    return match._replace(**changes)


def test_every_match_says_what_it_is_and_why() -> None:
    plain = Match("x", JOURNEY, "certain", "key", "account", "EAST")
    assert "account at EAST" in words(plain)
    assert "likeliest of several encounters" in words(plain._replace(certainty="probable", basis="several"))
    merged = plain._replace(kind="mrn", via="merge", via_at=NOW - timedelta(days=2), gave_way=True)
    assert "merged into another number" in words(merged)
    era = plain._replace(since=NOW - timedelta(days=400), why="reused")
    assert "used again for another patient" in words(era)
    assert "from " in words(era)
    blank = plain._replace(journey="", why="blank", certainty="quarantined")
    assert "no number" in words(blank)
    message = Match("M1", JOURNEY, "certain", "own", "control_id", since=NOW, interface="ehr-adt")
    assert "message on ehr-adt" in words(message)


def test_a_panel_of_several_values_masks_them() -> None:
    shown = words(Match("x", JOURNEY, "certain", "key", "visit", "NSH"), values=2)
    assert "••••567" in shown
    assert "Not found: ••••321" in shown
    assert "V1234567" not in shown
    assert "None of 3 found" in str(found.panel(FRAME, ["a", "b", "c"], lookup.Outcome(3, []), []))


def test_explaining_shows_the_links_of_every_message_and_no_number(site: Site) -> None:
    answer = site.program().post("/api/v1/journeys/explain", {"value": "A7700123", "kind": "account"})
    (explained,) = answer.json["journeys"]
    assert {message["token"] for message in explained["messages"]} == {
        reason["token"] for reason in explained["reasons"]
    }
    assert [(key["kind"], key["masked"]) for key in explained["keys"]] == [
        ("visit", "••••041"),
        ("account", "••••123"),
    ]
    assert "A7700123" not in answer.text
    assert [look.action for look in site.hospital.looks] == ["explain"]
    assert explained["changes"] == []
    assert site.program().post("/api/v1/journeys/explain", {"value": "V0"}).json["journeys"] == []


def test_explaining_says_what_was_learned_late(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    learned = Difference("ERP posted", "met_at", None, NOW)
    change = Change("discharge-to-cash", "j", "", 1, 1, NOW, NOW, reopened=True, differences=(learned,))
    known = site.hospital.journey
    monkeypatch.setattr(
        site.hospital,
        "journey",
        lambda journey, now: (found := known(journey, now)) and replace(found, changes=[change]),
    )
    answer = site.program().post("/api/v1/journeys/explain", {"value": "A7700123", "kind": "account"})
    (told,) = answer.json["journeys"][0]["changes"]
    assert (told["workflow"], told["reopened"]) == ("discharge-to-cash", True)
    (difference,) = told["differences"]
    assert (difference["step"], difference["fact"], difference["before"]) == ("ERP posted", "met_at", None)
