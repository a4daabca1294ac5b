from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from slo.alerts.model import Alert, Notice, Watch
from slo.alerts.states import Timing, advance, freeze

NOW = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
STEP = timedelta(seconds=10)
SILENT = Alert("InterfaceSilent", "page", (("interface", "ehr-adt"),), "ehr-adt silent")
OVERDUE = Alert("StepOverdue", "page", (("workflow", "discharge-to-cash"),), "12 overdue", affected=12)


def run(looks: list[list[Alert]], timing: Timing, step: timedelta = STEP) -> list[list[Notice]]:
    watch, told = Watch(), []
    for number, alerts in enumerate(looks):
        watch, notices = advance(watch, alerts, timing, NOW + number * step)
        told.append(notices)
    return told


def test_one_notice_when_it_starts_and_one_when_it_clears() -> None:
    timing = Timing(release=2 * STEP, resend=timedelta(hours=1))
    told = run([[SILENT], [SILENT], [SILENT], [], [], []], timing)
    assert [notice.event for look in told for notice in look] == ["started", "cleared"]
    assert told[0][0].starts == NOW
    assert told[4][0] == Notice("cleared", SILENT, NOW, NOW + 4 * STEP)


def test_a_firing_alert_is_told_again_with_its_newest_count() -> None:
    more = Alert(OVERDUE.name, OVERDUE.severity, OVERDUE.labels, "14 overdue", affected=14)
    told = run([[OVERDUE], [more], [more]], Timing(resend=2 * STEP))
    assert [[(notice.event, notice.alert.affected) for notice in look] for look in told] == [
        [("started", 12)],
        [],
        [("firing", 14)],
    ]
    assert more.id == OVERDUE.id


def test_what_clears_by_itself_within_the_hold_is_never_told() -> None:
    assert run([[SILENT], [SILENT], [], [], []], Timing(hold=3 * STEP)) == [[], [], [], [], []]


def test_a_gap_shorter_than_the_release_stays_one_alert() -> None:
    told = run([[SILENT], [], [SILENT], [], [SILENT]], Timing(release=3 * STEP, resend=timedelta(hours=1)))
    assert [notice.event for look in told for notice in look] == ["started"]


def test_after_clearing_it_may_start_again() -> None:
    told = run([[SILENT], [], [SILENT]], Timing(release=STEP))
    assert [[notice.event for notice in look] for look in told] == [["started"], ["cleared"], ["started"]]


def test_frozen_alerts_neither_clear_nor_start() -> None:
    timing = Timing(hold=2 * STEP, release=STEP, resend=STEP)
    watch, _ = advance(Watch(), [SILENT], Timing(), NOW)
    watch, _ = advance(watch, [SILENT, OVERDUE], timing, NOW + STEP)
    away = Alert("StoreUnavailable", "page", (), "away")
    told = []
    for number in range(2, 9):
        watch, notices = freeze(watch, [away], timing, NOW + number * STEP)
        told += notices
    assert {(notice.event, notice.alert.name) for notice in told} == {
        ("firing", "InterfaceSilent"),
        ("started", "StoreUnavailable"),
        ("firing", "StoreUnavailable"),
    }
    watch, notices = advance(watch, [OVERDUE], timing, NOW + 10 * STEP)
    assert {notice.alert.name for notice in notices if notice.event == "cleared"} == {
        "InterfaceSilent",
        "StoreUnavailable",
    }


@given(
    st.lists(st.sets(st.sampled_from([SILENT, OVERDUE])), max_size=30), st.integers(0, 3), st.integers(1, 3)
)
def test_starts_and_clears_alternate_whatever_happens(
    looks: list[set[Alert]], hold: int, release: int
) -> None:
    told = run([list(look) for look in looks], Timing(hold=hold * STEP, release=release * STEP))
    for alert in (SILENT, OVERDUE):
        events = [
            notice.event
            for look in told
            for notice in look
            if notice.alert == alert and notice.event != "firing"
        ]
        assert events == ["started", "cleared"] * (len(events) // 2) + ["started"] * (len(events) % 2)
