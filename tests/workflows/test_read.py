"""What people are shown: tiles, the attention list, an encounter and its sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from slo.workflows import read
from tests.workflows.conftest import Hospital
from tests.workflows.traffic import MONDAY, at, charge, claim, discharge, insert, journal, token_of, whole


def test_a_tile_counts_open_states_now_and_closed_ones_of_the_day(hospital: Hospital) -> None:
    hospital.sees(
        [
            *whole("1", MONDAY - timedelta(hours=23)),
            discharge("2"),
            discharge("3", -60),
            discharge("4"),
            charge("4", 1, outcome="rejected"),
            discharge("5", -10, message="ADT^A03"),
            discharge("5", -5, message="ADT^A13"),
        ],
        at(5),
    )
    (tile,) = read.tiles(hospital.store, at(61))
    hospital.settle(at(61))
    (tile,) = read.tiles(hospital.store, at(61))
    assert (tile.workflow, tile.owner, tile.criticality, tile.target) == (
        "discharge-to-cash",
        "Revenue cycle",
        "high",
        0.98,
    )
    assert tile.counts == {
        "failed": 1,
        "overdue": 2,
        "at_risk": 0,
        "on_track": 0,
        "completed": 0,
        "completed_late": 0,
        "cancelled": 1,
    } | {"completed": 1 if tile.counts["completed"] else 0}
    # The discharge an hour before Monday's start was due in billing 45 minutes before it.
    assert tile.oldest_overdue_s == (61 + 45) * 60
    assert tile.started_24h == 4
    assert tile.on_time_24h is not None
    assert len(tile.spark) == 24


def test_overdue_shows_on_the_tile_without_another_step(hospital: Hospital) -> None:
    hospital.sees([discharge("1")])
    (before,) = read.tiles(hospital.store, at(15))
    (after,) = read.tiles(hospital.store, at(15) + timedelta(milliseconds=1))
    assert (before.counts["on_track"], after.counts["on_track"]) == (1, 0)
    assert (before.counts["overdue"], after.counts["overdue"]) == (0, 1)
    assert before.oldest_overdue_s is None


def test_an_answer_looked_ahead_is_what_the_store_answers_later(hospital: Hospital) -> None:
    """Deadlines of several encounters pass one after the other; nothing else happens."""
    hospital.sees(
        [
            discharge("1"),
            discharge("2", 1),
            *[discharge(f"{n}", 2, facility="NSH-NORTH") for n in (3, 4)],
            discharge("5", -30),
            discharge("6", 0.5),
            charge("6", 2, outcome="rejected"),
        ]
    )
    then = at(14)
    (tile,) = read.tiles(hospital.store, then, ahead=timedelta(minutes=5))
    lists = {
        facility: read.watched(hospital.store, then, facility=facility, ahead=timedelta(minutes=5))
        for facility in (None, "NSH-NORTH")
    }
    seen = []
    for minutes in (14, 15, 15.001, 16, 16.5, 17, 17.001, 19):
        (asked,) = read.tiles(hospital.store, at(minutes))
        shown = tile.at(at(minutes))
        assert shown.counts == asked.counts
        assert shown.oldest_overdue_s == asked.oldest_overdue_s
        for facility, watched in lists.items():
            wanted = read.attention(hospital.store, at(minutes), facility=facility)
            assert watched.rows(at(minutes)) == wanted
        seen.append(asked.counts["overdue"])
    assert seen == [1, 1, 2, 2, 3, 3, 5, 5]


def test_what_is_late_for_long_leaves_room_for_what_can_still_be_helped(hospital: Hospital) -> None:
    hospital.sees([discharge(f"{n}", -3 * 1440) for n in range(5)])
    hospital.sees([discharge("new")])
    rows = read.watched(hospital.store, at(60), limit=3, fresh=timedelta(days=1)).rows(at(60))
    assert len(rows) == 3
    assert token_of("visit:new") in {row.journey for row in rows}
    assert token_of("visit:new") not in {row.journey for row in read.attention(hospital.store, at(60), 3)}
    assert read.facilities(hospital.store) == sorted({row.facility for row in rows})


def test_the_attention_list_has_the_worst_first_with_step_deadline_and_reason(hospital: Hospital) -> None:
    hospital.sees(
        [
            discharge("1", 10),
            discharge("2", 0, facility="NSH-NORTH"),
            *whole("3"),
            discharge("4", 20),
            charge("4", 22),
            journal("4", 24, outcome="rejected", reason="cost_centre_unknown"),
        ]
    )
    now = at(40)
    rows = read.attention(hospital.store, now)
    assert [row.journey for row in rows] == [token_of(f"visit:{visit}") for visit in "241"]
    overdue, failed, _ = rows
    assert (overdue.state, overdue.step, overdue.deadline, overdue.late_s) == (
        "overdue",
        "billing ready",
        at(15),
        25 * 60,
    )
    assert (failed.state, failed.step, failed.reason, failed.late_s) == (
        "failed",
        "ERP posted",
        "cost_centre_unknown",
        -40 * 60,
    )
    assert [(step.name, step.state, step.ack_code, step.system) for step in failed.steps] == [
        ("engine accepted", "met", "AA", "engine"),
        ("billing ready", "met", "", "billing"),
        ("ERP posted", "failed", "422", "erp"),
        ("claim submitted", "pending", "", "clearinghouse"),
    ]
    assert [row.facility for row in read.attention(hospital.store, now, facility="NSH-NORTH")] == [
        "NSH-NORTH"
    ]
    assert read.attention(hospital.store, now, workflow="another") == []
    assert len(read.attention(hospital.store, now, limit=1)) == 1


def test_instances_by_state(hospital: Hospital) -> None:
    hospital.sees([*whole("1"), *whole("2", at(30)), discharge("3", -5)])
    now = at(3 * 24 * 60)
    completed = read.instances(hospital.store, "discharge-to-cash", now, "completed")
    assert [row.journey for row in completed] == [token_of("visit:2"), token_of("visit:1")]
    assert [row.state for row in read.instances(hospital.store, "discharge-to-cash", now)] == [
        "completed",
        "completed",
        "overdue",
    ]
    assert len(read.instances(hospital.store, "discharge-to-cash", now, "overdue")) == 1
    with pytest.raises(ValueError, match="states are failed, overdue"):
        read.instances(hospital.store, "discharge-to-cash", now, "late")


def test_an_encounter_is_found_by_any_of_its_keys_and_shows_every_hop_once(hospital: Hospital) -> None:
    spans = [discharge("1"), charge("1", 3), journal("1", 20), claim("1", 60)]
    hospital.sees(spans)
    insert(hospital.store, spans)
    visit = token_of("visit:1")
    for key in ("visit:1", "account:1", "claim:1"):
        journey = read.journey(hospital.store, token_of(key), at(61))
        assert journey is not None
        assert journey.journey == visit
        assert [hop.interface for hop in journey.hops] == [
            "ehr-adt",
            "billing-adt-dft",
            "erp-journals",
            "claims-out",
        ]
        assert read.find(hospital.store, [token_of(key)]) == [
            (visit, "certain", token_of(key), key.split(":")[0])
        ]
    assert (journey.kind, journey.certainty) == ("visit", "certain")
    assert {(key.kind, key.authority, key.sealed) for key in journey.keys} == {
        ("visit", "NSH", "sealed visit:1"),
        ("account", "NSH", "sealed account:1"),
        ("claim", "NSH", "sealed claim:1"),
    }
    assert journey.hops[0].tags == {"patient_class": "I"}
    assert journey.hops[0].duration_ms == 600
    assert [row.state for row in journey.workflows] == ["completed"]
    assert read.journey(hospital.store, token_of("visit:9"), MONDAY) is None
    assert read.find(hospital.store, [token_of("visit:9")]) == []
    assert ("visit", "NSH") in read.authorities(hospital.store)


def test_a_medical_record_number_leads_to_every_encounter_of_the_patient(hospital: Hospital) -> None:
    from dataclasses import replace

    one, two = discharge("1"), discharge("2", 5)
    hospital.sees([replace(one, keys=(*one.keys, "mrn:7")), replace(two, keys=(*two.keys, "mrn:7"))])
    found = read.find(hospital.store, [token_of("mrn:7")])
    assert {row.journey for row in found} == {token_of("visit:1"), token_of("visit:2")}
    assert {row.kind for row in found} == {"mrn"}


@pytest.mark.parametrize(
    ("spans", "minutes", "sentence"),
    [
        (
            [
                discharge("1"),
                charge("1", 3),
                journal("1", 20, outcome="rejected", reason="cost_centre_unknown"),
            ],
            30,
            "Reached billing 3 minutes after discharge; the ERP refused the journal at 14:20 "
            "(422, cost_centre_unknown) and nothing came after.",
        ),
        (
            [discharge("1")],
            75,
            "Reached the engine 1 second after discharge; "
            "'billing ready' was due at 14:15, 1 hour ago, and was not seen.",
        ),
        (whole("1"), 24 * 60 + 1, "Reached the clearing house 1 day after discharge; nothing is missing."),
        (
            [discharge("1"), discharge("1", 5, message="ADT^A13")],
            30,
            "The discharge was cancelled at 14:05.",
        ),
        (
            [discharge("1", outcome="timeout")],
            0.5,
            "The discharge was sent at 14:00; 'engine accepted' is due at 14:01.",
        ),
    ],
)
def test_a_sentence_says_what_became_of_it(
    hospital: Hospital, spans: list[object], minutes: float, sentence: str
) -> None:
    hospital.sees(spans)  # type: ignore[arg-type]
    journey = read.journey(hospital.store, token_of("visit:1"), at(minutes))
    assert journey is not None
    assert read.summary_sentence(journey, at(minutes)) == sentence


def test_at_risk_comes_from_the_workflows_own_history(hospital: Hospital) -> None:
    # Three hundred discharges without a claim reached billing in one to twelve minutes, half as many never.
    long_ago = MONDAY - timedelta(days=3)
    past = []
    for number in range(450):
        past += [
            discharge(f"P{number}", start=long_ago, patient_class="R"),
            journal(f"P{number}", 20, start=long_ago),
        ]
        if number < 300:
            past.append(charge(f"P{number}", 1 + number / 27.5, start=long_ago))
    hospital.sees([*past, discharge("1", patient_class="R")], at(1))
    seen = []
    for minutes in (1, 3, 5, 6, 6.3, 6.6, 7, 9, 14):
        now = at(minutes)
        (tile,) = read.tiles(hospital.store, now)
        journey = read.journey(hospital.store, token_of("visit:1"), now)
        assert journey is not None
        (row,) = journey.workflows
        assert row.chance is not None
        seen.append((row.chance, row.chance_of))
        # As many were like it as had not been charged by then; half of them never were.
        assert row.chance_of == pytest.approx(150 + 27.5 * max(0, 12 - minutes), abs=20)
        assert (row.state == "at_risk") == (row.chance < 0.5)
        assert (tile.counts["on_track"], tile.counts["at_risk"]) == ((0, 1) if row.chance < 0.5 else (1, 0))
        risky = [
            one.journey for one in read.attention(hospital.store, now, limit=1000) if one.state == "at_risk"
        ]
        assert risky == ([token_of("visit:1")] if row.chance < 0.5 else [])
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == (pytest.approx(0.66, abs=0.02), pytest.approx(450, abs=10))
    assert seen[-1] == (0, 150)
