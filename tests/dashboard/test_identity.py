"""Lineage, history of identity and key collisions: what the pages say, and what a person may decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from dashboard import lineage
from dashboard.components import plain
from dashboard.lineage import Lineage
from dashboard.pages.identity import MaskedKey, concerning, words
from tests.dashboard.conftest import Site
from tests.dashboard.fake_doubts import (
    BLANK,
    MRN,
    OLD_MRN,
    SHARED,
    THIRD_MRN,
    TWICE,
    VISIT,
    identity_events,
)
from tests.dashboard.fake_hospital import JOURNEY, journey
from tests.dashboard.test_lanes import nodes
from tests.dashboard.test_pages import Watcher
from tracing.lineage import Arrow
from tracing.store import StoreUnavailable

REASON = "seen on both wristbands"


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    watching = Watcher()
    watching.hospital.patient_known = True
    yield watching
    watching.feed.close()


def decide(site: Site, role: str = "engineer", **body: object) -> tuple[int, object]:
    answer = site.signed_in(role).post("/api/v1/identity/decisions", {"reason": REASON, **body})
    return answer.status, answer.json


def test_an_encounter_says_what_each_message_came_of_in_words_and_in_lines(watcher: Watcher) -> None:
    said = watcher.read(f"/encounter/{JOURNEY}", hop="1")
    assert "certain: the same control ID came in before" in said
    assert "possible : the same account, a type that leads to it, 7 min before; one of 3" in said
    tree = ["div", {}, *plain(watcher.look(f"/encounter/{JOURNEY}", hop="1").body)]
    drawn = [one["className"] for one in nodes(tree, "g") if "data-lineage" in one]
    assert drawn == ["lineage certain near", "lineage probable", "lineage possible"]
    labels = [one["aria-label"] for one in nodes(tree, "a") if "data-hop" in one]
    assert labels[2].endswith(
        "came of ADT^A03, probable: the same visit, a type that leads to it, 3 min before"
    )


def test_the_way_to_and_from_a_hop_is_its_kin() -> None:
    hops = journey("failed").hops
    spans = [hop.span_id for hop in hops]
    steps = [(0, 1), (1, 2), (0, 3)]
    found = Lineage.between(
        hops, [Arrow(spans[one], spans[other], "key", 0.9, "why") for one, other in steps]
    )
    assert found.kin(1) == {(0, 1), (1, 2)}
    assert found.kin(3) == {(0, 3)}
    assert Lineage.between(hops, [Arrow("elsewhere", spans[0], "key", 0.9, "why")]).kin(0) == set()


def test_arrows_of_one_cause_share_a_road_and_others_get_their_own() -> None:
    trunks = [(0, "certain"), (0, "certain"), (1, "certain"), (2, "certain"), (0, "probable")]
    ends = [(0.0, 50.0), (0.0, 90.0), (60.0, 120.0), (95.0, 130.0), (0.0, 20.0)]
    roads = lineage.tracks(trunks, ends)
    assert roads[0] == roads[1]
    assert len({roads[0], roads[2], roads[4]}) >= 2
    for one in range(len(trunks)):
        for other in range(one):
            apart = ends[one][0] > ends[other][1] or ends[other][0] > ends[one][1]
            assert trunks[one] == trunks[other] or roads[one] != roads[other] or apart


def test_the_history_is_dated_told_once_and_strikes_out_what_was_taken_back(watcher: Watcher) -> None:
    said = watcher.read(f"/encounter/{JOURNEY}")
    assert said.count("Patients merged: MRN ••••027 is MRN ••••023 now") == 1
    assert "ADT^A40 over ehr-adt ; ADT^A40 over billing-adt-dft" in said
    assert "taken back by rivera 10:42: typing error at the desk" in said
    assert "Discharge cancelled: visit ••••041" in said
    assert "10002" not in said


def test_certainty_is_said_with_its_reason(watcher: Watcher) -> None:
    said = watcher.read(f"/encounter/{JOURNEY}")
    assert "in part probable, not certain: seen with several visits, this one is the likeliest" in said


@pytest.mark.parametrize(("role", "forms"), [("noc", 0), ("engineer", 1), ("admin", 1)])
def test_only_who_may_decide_is_asked_to(role: str, forms: int) -> None:
    watching = Watcher(role)
    watching.hospital.patient_known = True
    try:
        body = str(watching.look(f"/encounter/{JOURNEY}").body.to_plotly_json())
        assert ("data-decide" in body) == bool(forms)
    finally:
        watching.feed.close()


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("merge", "Patients merged: MRN ••••027 is MRN ••••023 now"),
        ("change", "Number changed: MRN ••••027 is MRN ••••023 now"),
        ("move", "Visit ••••041 moved from MRN ••••027 to MRN ••••023"),
        ("link", "Patients linked: MRN ••••027 and MRN ••••023"),
        ("unlink", "Patients unlinked: MRN ••••027 and MRN ••••023"),
        ("same", "Said to be the same patient: MRN ••••027 and MRN ••••023"),
        ("different", "Kept apart: MRN ••••027 and MRN ••••023"),
        ("release", "Released, may join again: MRN ••••023"),
    ],
)
def test_every_event_has_its_words(event: str, said: str) -> None:
    keys = {
        key.token: MaskedKey(key.kind, key.authority, masked)
        for key, masked in ((OLD_MRN, "••••027"), (MRN, "••••023"), (VISIT, "••••041"))
    }
    told = replace(identity_events()[0], event=event, subject_token=VISIT.token, subject_kind="visit")
    assert words(told, {}, keys) == said


def test_collisions_are_listed_the_most_dangerous_first_with_why_and_evidence(watcher: Watcher) -> None:
    said = watcher.read("/collisions")
    places = [
        said.index(word)
        for word in ("two patients at one time", "connects too many", "used again", "not a number")
    ]
    assert places == sorted(places)
    assert "MRN ••••023" in said
    assert "ADT^A04 over ehr-adt" in said
    assert watcher.hospital.looks[0].action == "list_collisions"
    assert "1 key" not in said


def test_no_collisions_is_said_and_the_admin_page_leads_there(watcher: Watcher) -> None:
    assert "4 keys do not say whose they are" in watcher.read("/admin")
    quiet = Watcher()
    quiet.hospital.doubts = []
    assert "No key is in doubt" in quiet.read("/collisions")
    quiet.feed.close()


def test_two_patients_that_a_person_keeps_apart_wait_for_nobody(watcher: Watcher) -> None:
    kept = replace(
        identity_events()[0], event="different", from_token=THIRD_MRN.token, to_token=MRN.token,
        who="rivera", reason="asked registration", event_id="d" * 32,
    )  # fmt: skip
    watcher.hospital.events = [kept]
    watcher.hospital.told_of = {MRN.token}
    said = watcher.read("/collisions")
    assert said.index("Kept apart: decided by rivera 05:42: asked registration") > said.index("not a number")


def test_what_was_said_of_other_visits_of_the_patient_is_left_out(watcher: Watcher) -> None:
    own = {VISIT.token, MRN.token}
    moved = replace(identity_events()[0], event="move", subject_token=TWICE.token)
    assert concerning([moved, replace(moved, subject_token=VISIT.token)], own) == [
        replace(moved, subject_token=VISIT.token)
    ]
    assert concerning(identity_events(), own) == identity_events()
    assert concerning(identity_events(), {BLANK.token}) == []


def test_executives_see_no_collisions() -> None:
    watching = Watcher("executive")
    assert "Not for your role" in watching.read("/collisions")
    watching.feed.close()


def test_the_open_collisions_by_rest_hold_tokens_only(site: Site) -> None:
    answer = site.signed_in("noc").get("/api/v1/collisions")
    assert answer.status == 200
    assert [one["why"] for one in answer.json["collisions"]] == [
        "blank",
        "too_many",
        "two_patients",
        "reused",
    ]
    assert answer.json["collisions"][2]["evidence"] == [MRN.token, THIRD_MRN.token]
    assert "V2600" not in answer.text
    assert site.hospital.looks[0].action == "list_collisions"
    assert site.signed_in("noc").get("/api/v1/collisions?limit=1").json["truncated"] is True


def test_a_person_releases_a_key_with_a_reason_and_it_is_written_down_first(site: Site) -> None:
    status, answer = decide(site, action="release", tokens=[SHARED.token])
    assert (status, answer["event_id"]) == (201, "e" * 32)  # type: ignore[index]
    assert site.hospital.decisions == [("release", [SHARED.token], "rivera", REASON)]
    (look,) = site.hospital.looks
    assert (look.action, look.journey, look.why) == ("release", SHARED.token, REASON)


def test_two_numbers_are_one_patient_or_are_not_and_a_merge_is_taken_back(site: Site) -> None:
    for action in ("same", "different"):
        assert decide(site, action=action, tokens=[MRN.token, THIRD_MRN.token])[0] == 201
    assert decide(site, action="withdraw", event_id="1" * 32)[0] == 201
    assert [one[:2] for one in site.hospital.decisions] == [
        ("same", [MRN.token, THIRD_MRN.token]),
        ("different", [MRN.token, THIRD_MRN.token]),
        ("withdraw", "1" * 32),
    ]


def test_who_may_not_decide_decides_nothing(site: Site) -> None:
    for role in ("noc", "executive"):
        assert decide(site, role, action="release", tokens=[TWICE.token])[0] == 403
    assert site.stranger().post("/api/v1/identity/decisions", {}).status == 401
    assert site.hospital.decisions == []


@pytest.mark.parametrize(
    "body",
    [
        {"action": "release"},
        {"action": "release", "tokens": [BLANK.token, TWICE.token]},
        {"action": "same", "tokens": [MRN.token]},
        {"action": "withdraw", "tokens": [MRN.token]},
        {"action": "forget", "tokens": [MRN.token]},
        {"action": "release", "tokens": ["100023"]},
        {"action": "release", "tokens": [MRN.token], "reason": ""},
    ],
)
def test_a_decision_that_makes_no_sense_is_refused_and_not_said_back(
    site: Site, body: dict[str, object]
) -> None:
    status, answer = decide(site, **body)
    assert status == 422
    assert "100023" not in str(answer)
    assert site.hospital.decisions == []


def test_what_the_store_refuses_is_said(site: Site) -> None:
    assert decide(site, action="withdraw", event_id="f" * 32) == (422, {"detail": "there is no such event"})


def test_a_decision_that_cannot_be_written_down_is_not_taken(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(looks: object) -> None:
        raise StoreUnavailable("the store is away")

    monkeypatch.setattr(site.hospital, "record", away)
    assert decide(site, action="release", tokens=[SHARED.token])[0] == 503
    assert site.hospital.decisions == []


def test_the_journey_by_rest_has_lineage_and_history(site: Site) -> None:
    site.hospital.patient_known = True
    answer = site.signed_in().get(f"/api/v1/journeys/{JOURNEY}").json
    assert [one["certainty"] for one in answer["lineage"]] == ["certain", "probable", "possible"]
    assert [one["withdrawn"] for one in answer["history"]] == [False, False, True, False, False]
