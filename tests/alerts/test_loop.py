from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slo.alerts import (
    AlertmanagerDelivery,
    ConditionSettings,
    DeliveryError,
    Loop,
    LoopSettings,
    Notice,
    Timing,
)
from slo.alerts.observe import observe_doubts, observe_interfaces, observe_steps
from slo.objectives import activate
from tests.alerts.conftest import Alertmanager, Receiver
from tests.kpis.encounters import DAY, HOUR, MINUTE, NOW, Encounter, good, lost_at_erp, write
from tracing.store import Store, StoreUnavailable

SECOND = timedelta(seconds=1)
AWAY = "the receiver is away"
SETTINGS = LoopSettings(timing=Timing(release=10 * SECOND, resend=MINUTE))


class Told:
    """A receiver that keeps what it was told and can be away."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.away = False

    def deliver(self, notices: Sequence[Notice], now: datetime) -> None:
        if self.away:
            raise DeliveryError(AWAY)
        self.notices += notices

    def events(self) -> list[tuple[str, str]]:
        """Starts and clears but the heartbeat's."""
        return [
            (notice.event, notice.alert.name)
            for notice in self.notices
            if notice.event != "firing" and notice.alert.name != "Heartbeat"
        ]


@pytest.fixture
def told() -> Told:
    return Told()


def test_trouble_is_counted_where_it_stands(store: Store) -> None:
    write(
        store,
        [
            lost_at_erp(2 * HOUR),
            lost_at_erp(3 * HOUR),
            Encounter(2 * HOUR, {}, failed={"billing ready": MINUTE}),
            Encounter(30 * MINUTE, {"billing ready": MINUTE}, failed={"ERP posted": 2 * MINUTE}),
            Encounter(2 * HOUR, {}, cancelled=MINUTE),
            lost_at_erp(2 * DAY),  # trouble of the day before yesterday is on the pages only
            good(4 * DAY),
        ],
    )
    found = observe_steps(store, NOW, DAY)
    assert [(one.step, one.kind, one.affected, one.oldest) for one in found] == [
        ("ERP posted", "failed", 1, NOW - 28 * MINUTE),
        ("ERP posted", "overdue", 2, NOW - 2 * HOUR),
        ("billing ready", "failed", 1, NOW - 2 * HOUR + MINUTE),
    ]


def test_an_overdue_encounter_alerts_at_the_second_with_nobody_writing(store: Store, told: Told) -> None:
    write(store, [lost_at_erp(HOUR - SECOND)])
    loop = Loop(store, told, SETTINGS)
    for second in range(4):
        loop.step(NOW + second * SECOND)
    assert told.events() == [("started", "StepOverdue")]
    assert [notice.starts for notice in told.notices if notice.alert.name == "StepOverdue"] == [
        NOW + 2 * SECOND
    ]


def test_it_clears_once_and_the_log_has_both(store: Store, told: Told) -> None:
    loop = Loop(store, told, SETTINGS)
    write(store, [lost_at_erp(2 * HOUR)])
    loop.step(NOW)
    later = NOW + DAY
    for second in (0, 5, 10, 15):
        loop.step(later + second * SECOND)
    assert told.events() == [("started", "StepOverdue"), ("cleared", "StepOverdue")]
    rows = store.query("SELECT event, name, affected FROM alerts_log FINAL ORDER BY at").rows
    assert rows == [("started", "StepOverdue", 1), ("cleared", "StepOverdue", 1)]


def test_after_a_restart_a_firing_alert_does_not_start_again(store: Store, told: Told) -> None:
    write(store, [lost_at_erp(2 * HOUR)])
    Loop(store, told, SETTINGS).step(NOW)
    again = Loop(store, told, SETTINGS)
    again.step(NOW + MINUTE)
    assert told.events() == [("started", "StepOverdue")]
    assert ("firing", "StepOverdue") in [(notice.event, notice.alert.name) for notice in told.notices]
    for second in (0, 15):
        again.step(NOW + DAY + second * SECOND)
    assert told.events()[-1] == ("cleared", "StepOverdue")
    fresh = Loop(store, told, SETTINGS)
    fresh.step(NOW + DAY + MINUTE)
    assert [one.alert.name for one in fresh.watch.firing] == ["Heartbeat"]


def test_a_receiver_that_was_away_hears_of_everything(store: Store, told: Told) -> None:
    write(store, [lost_at_erp(2 * HOUR)])
    loop = Loop(store, told, SETTINGS)
    told.away = True
    loop.step(NOW)
    for second in (0, 15):
        loop.step(NOW + DAY + second * SECOND)
    assert told.notices == []
    told.away = False
    loop.step(NOW + DAY + 20 * SECOND)
    assert told.events() == [("started", "StepOverdue"), ("cleared", "StepOverdue")]


def test_a_store_that_is_away_freezes_what_fires_and_says_so(
    store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, [lost_at_erp(2 * HOUR)])
    loop = Loop(store, told, SETTINGS)
    loop.step(NOW)

    def away(*_: Any) -> Any:
        raise StoreUnavailable("The store cannot be reached")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "query", away)
        patched.setattr(Store, "insert", away)
        for second in (5, 30, 65):
            loop.step(NOW + second * SECOND)
    assert told.events() == [("started", "StepOverdue"), ("started", "StoreUnavailable")]
    assert "StepOverdue" in [one.alert.name for one in loop.watch.firing]
    loop.step(NOW + 80 * SECOND)
    assert told.events()[-1] == ("cleared", "StoreUnavailable")
    logged = store.query("SELECT name, event FROM alerts_log FINAL ORDER BY at, event DESC").rows
    assert logged == [
        ("StepOverdue", "started"),
        ("StoreUnavailable", "started"),
        ("StoreUnavailable", "cleared"),
    ]


def test_a_burning_budget_reaches_people(store: Store, told: Told) -> None:
    activate(store, ["discharge-to-cash"], NOW)
    write(store, [lost_at_erp(HOUR + minute * MINUTE) for minute in range(1, 50)])
    Loop(store, told, SETTINGS).step(NOW)
    assert ("started", "BudgetBurn") in told.events()


def traffic(store: Store, interface: str, tap: str, until: datetime, every: timedelta = 5 * MINUTE) -> None:
    """Messages of an interface over the three weeks before `until`, through the views behind the
    collector.
    """
    count = int(21 * DAY / every)
    store.insert(
        "spans_in",
        ("trace_id", "span_id", "start", "interface", "outcome", "resource_attributes"),
        [
            (
                f"{interface}-{number}",
                f"{interface}-{number}",
                until - number * every,
                interface,
                "accepted",
                {"service.instance.id": tap},
            )
            for number in range(count)
        ],
    )


def test_silence_is_seen_through_the_spans_views(store: Store, told: Told) -> None:
    traffic(store, "ehr-adt", "tap-1", NOW - HOUR)
    traffic(store, "billing-adt", "tap-1", NOW - MINUTE)
    found = {one.interface: one for one in observe_interfaces(store, NOW, 15 * MINUTE)}
    assert found["billing-adt"].expected == 0
    silent = found["ehr-adt"]
    assert (silent.last_seen, silent.taps) == (NOW - HOUR, ("tap-1",))
    assert 10 <= silent.expected <= 14
    assert silent.weeks == 2
    Loop(store, told, SETTINGS).step(NOW)
    assert told.events() == [("started", "InterfaceSilent")]


def test_a_silence_of_more_than_a_week_is_not_compared_with_itself(store: Store) -> None:
    traffic(store, "ehr-adt", "tap-1", NOW - 10 * DAY, every=HOUR)
    (silent,) = observe_interfaces(store, NOW, 15 * MINUTE)
    assert 150 <= silent.expected <= 170


def test_the_whole_way_to_an_alertmanager(
    store: Store, alertmanager: Alertmanager, receiver: Receiver
) -> None:
    now = datetime.now(UTC)
    late = now - NOW
    write(store, [lost_at_erp(2 * HOUR - late)])
    settings = LoopSettings(ConditionSettings(link="http://127.0.0.1:8050"), Timing(release=SECOND))
    loop = Loop(store, AlertmanagerDelivery(alertmanager.url), settings)
    loop.step(now)
    names = {alert["labels"]["alertname"] for alert in alertmanager.alerts()}
    assert names == {"Heartbeat", "StepOverdue"}
    receiver.wait_for(2)
    (body,) = [body for body in receiver.bodies if body["commonLabels"]["alertname"] == "StepOverdue"]
    assert body["commonAnnotations"]["affected"] == "1"
    assert body["commonLabels"]["workflow"] == "discharge-to-cash"


def test_a_key_collision_is_told_when_it_starts_and_when_a_person_clears_it(store: Store, told: Told) -> None:
    columns = ("token", "why", "kind", "evidence", "raised_at", "cleared_at", "version")
    raised = ["a" * 32, "two_patients", "visit", ["b" * 32, "c" * 32], NOW - MINUTE]
    never = datetime(2200, 1, 1, tzinfo=UTC)
    store.insert("key_collisions", columns, [(*raised, never, 1)])
    (doubt,) = observe_doubts(store, NOW)
    assert (doubt.why, doubt.kind, doubt.keys, doubt.oldest) == ("two_patients", "visit", 1, NOW - MINUTE)
    loop = Loop(store, told, SETTINGS)
    loop.step(NOW)
    store.insert("key_collisions", columns, [(*raised, NOW + MINUTE, 2)])
    for minute in range(1, 4):
        loop.step(NOW + minute * MINUTE)
    assert told.events() == [("started", "KeyCollision"), ("cleared", "KeyCollision")]
    said = str([notice for notice in told.notices if notice.alert.name == "KeyCollision"])
    assert "aaaa" not in said
    assert "bbbb" not in said
