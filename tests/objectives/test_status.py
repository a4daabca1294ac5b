from datetime import datetime, timedelta
from pathlib import Path

import pytest

from slo.objectives import ObjectiveStatus, activate, active, status
from slo.objectives.corrections import add, listed, revoke
from slo.objectives.files import text_of
from tests.kpis.encounters import DAY, HOUR, MINUTE, NOW, Encounter, good, lost_at_erp, write
from tracing.documents import DocumentError
from tracing.store import Store


def judged(store: Store, now: datetime = NOW) -> ObjectiveStatus:
    (found,) = status(store, now)
    return found


@pytest.fixture
def active_store(store: Store) -> Store:
    activate(store, ["discharge-to-cash"], NOW)
    return store


def test_without_data_an_objective_is_unknown(active_store: Store) -> None:
    found = judged(active_store)
    assert (found.state, found.rate, found.last_event) == ("unknown", None, None)


def test_absence_is_bad_from_the_second_after_the_deadline(active_store: Store) -> None:
    write(active_store, [lost_at_erp(HOUR)])
    assert judged(active_store).tally.total == 0
    found = judged(active_store, NOW + timedelta(milliseconds=1))
    assert (found.tally.good, found.tally.bad) == (0, 1)
    assert found.state == "exhausted"


def test_good_late_cancelled_and_open_encounters_count_as_they_should(active_store: Store) -> None:
    late = {"billing ready": 3 * MINUTE, "ERP posted": 2 * HOUR, "claim submitted": DAY}
    write(
        active_store,
        [
            *(good(number * HOUR + 3 * DAY) for number in range(40)),
            Encounter(5 * DAY, late),
            Encounter(5 * DAY, {"billing ready": MINUTE, "ERP posted": MINUTE}, exempt=("claim submitted",)),
            Encounter(5 * DAY, {"billing ready": MINUTE}, cancelled=10 * MINUTE),  # before anything was due
            Encounter(5 * DAY, {}, cancelled=DAY),  # long after it was missed: that stands
            Encounter(10 * MINUTE, {"billing ready": MINUTE}),  # still open
            good(40 * DAY),  # decided before the window
        ],
    )
    found = judged(active_store)
    assert (found.tally.good, found.tally.bad) == (41, 2)
    assert found.last_event == NOW - 10 * MINUTE
    assert found.budget_remaining == pytest.approx(1 - 2 / (43 * 0.05))


def test_an_outage_fires_both_windows_and_stops_when_it_is_over(active_store: Store) -> None:
    outage = [lost_at_erp(HOUR + minute * MINUTE) for minute in range(1, 50)]
    # They miss the ERP deadline in the last fifty minutes.
    usual = [good(number * HOUR / 2 + 2 * DAY) for number in range(1400)]
    usual.append(Encounter(MINUTE, {"billing ready": 3 * MINUTE, "ERP posted": 20 * MINUTE}))
    write(active_store, usual)
    assert judged(active_store).state == "healthy"
    write(active_store, [*usual, *outage])
    found = judged(active_store)
    assert [burn.firing for burn in found.burns] == [True, True, True, True]
    assert found.state == "burning"
    later = judged(active_store, NOW + 40 * MINUTE)
    assert [burn.firing for burn in later.burns][:2] == [False, False]


def test_a_correction_takes_an_outage_out_and_can_be_taken_back(active_store: Store) -> None:
    write(active_store, [*(good(number * HOUR + 3 * DAY) for number in range(20)), lost_at_erp(3 * HOUR)])
    assert judged(active_store).tally.bad == 1
    correction = add(
        active_store,
        starts=NOW - 3 * HOUR,
        ends=NOW - HOUR,
        category="vendor downtime",
        reason="ERP upgrade by the vendor",
        who="quality",
        now=NOW,
        facility="NSH-NORTH",
    )
    found = judged(active_store)
    assert (found.tally.bad, found.tally.excluded) == (0, 1)
    revoke(active_store, correction.id, "quality", NOW + MINUTE)
    assert judged(active_store).tally.bad == 1
    assert [(one.reason, one.revoked) for one in listed(active_store)] == [
        ("ERP upgrade by the vendor", True)
    ]


def test_a_correction_of_another_scope_changes_nothing(active_store: Store) -> None:
    write(active_store, [lost_at_erp(3 * HOUR)])
    hours = {
        "starts": NOW - 3 * HOUR,
        "ends": NOW,
        "category": "other",
        "reason": "r",
        "who": "w",
        "now": NOW,
    }
    add(active_store, **hours, facility="NSH-SOUTH")  # type: ignore[arg-type]
    add(active_store, **hours, workflow="other")  # type: ignore[arg-type]
    assert judged(active_store).tally.bad == 1


def test_corrections_must_make_sense(store: Store) -> None:
    sensible = {"starts": NOW, "ends": NOW + HOUR, "category": "other", "reason": "r", "who": "w", "now": NOW}
    for wrong, message in (
        ({"ends": NOW}, "ends after it starts"),
        ({"category": "bored"}, "category must be one of"),
        ({"reason": " "}, "needs a reason"),
    ):
        with pytest.raises(ValueError, match=message):
            add(store, **{**sensible, **wrong})  # type: ignore[arg-type]
    with pytest.raises(LookupError):
        revoke(store, "unknown", "w", NOW)


def test_one_step_may_be_an_objective_of_its_own(store: Store, tmp_path: Path) -> None:
    text, _ = text_of("discharge-to-cash")
    own = tmp_path / "billing.yaml"
    own.write_text(
        text.replace("name: discharge-to-cash\n", "name: billing\n").replace(
            "{workflow: discharge-to-cash}", "{workflow: discharge-to-cash, step: billing ready}"
        )
    )
    activate(store, [own], NOW)
    write(store, [lost_at_erp(3 * HOUR), Encounter(3 * HOUR, {"billing ready": 20 * MINUTE})])
    found = judged(store)
    assert (found.tally.good, found.tally.bad) == (1, 1)


def test_activation_replaces_what_was_in_force_or_changes_nothing(store: Store, tmp_path: Path) -> None:
    activate(store, ["discharge-to-cash"], NOW)
    broken = tmp_path / "broken.yaml"
    broken.write_text("kind: SLO\n")
    with pytest.raises(DocumentError, match=r"broken\.yaml:1:1"):
        activate(store, [broken], NOW + MINUTE)
    assert [objective.name for objective in active(store)] == ["discharge-to-cash"]
    activate(store, [], NOW + MINUTE)
    assert active(store) == []
    assert status(store, NOW) == []
