"""An engine that gives no answer, and channels that stand still though messages came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from slo.alerts.conditions import ConditionSettings, evaluate
from slo.alerts.observations import EngineTrouble, Observations
from slo.alerts.observe import observe_engines
from slo.calendars import Maintenance
from tracing.engines import CHANNEL, ENGINE, Gauge, record
from tracing.store import Store

NOW = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def engine(ago: float, state: str = "up") -> Gauge:
    return Gauge("oie", "", ENGINE, NOW - ago * MINUTE, "engine", state=state)


def channel(ago: float, name: str, state: str = "started", received: int = 0, queued: int = 0) -> Gauge:
    at = NOW - ago * MINUTE
    return Gauge("oie", name, CHANNEL, at, "channel", name, "", name, state, "", received, 0, queued)


def destination(ago: float, name: str, connection: str) -> Gauge:
    return Gauge("oie", name, 1, NOW - ago * MINUTE, "destination", name, "send", name, "started", connection)


def test_a_channel_that_was_stopped_for_minutes_and_had_messages_is_told(store: Store) -> None:
    for ago, state in ((60, "started"), (10, "stopped"), (1, "stopped")):
        record(
            store,
            [
                engine(ago),
                channel(ago, "ADT in", state, received=100 - int(ago), queued=7),
                # Nobody uses it.
                channel(ago, "test", state),
                channel(ago, "DFT out", received=100 - int(ago)),
            ],
        )
    (trouble,) = observe_engines(store, NOW)
    assert (trouble.engine, trouble.kind, trouble.channels) == ("oie", "stopped", ("ADT in",))
    assert trouble.since == NOW - 60 * MINUTE
    assert trouble.queued == 7
    covered = Maintenance("upgrade", NOW - MINUTE, NOW + MINUTE, interfaces=frozenset({"ADT in"}))
    assert observe_engines(store, NOW, [covered]) == ()


def test_a_restart_of_a_channel_is_none(store: Store) -> None:
    for ago, state in ((60, "started"), (1.5, "started"), (0.5, "stopped")):
        record(store, [engine(ago), channel(ago, "ADT in", state, received=100 - int(ago))])
    assert observe_engines(store, NOW) == ()


def test_messages_that_wait_for_a_connection_are_told(store: Store) -> None:
    for ago, connection in ((60, "connected"), (10, "disconnected"), (1, "disconnected")):
        record(
            store,
            [
                engine(ago),
                channel(ago, "ADT in", queued=0 if ago > 30 else 12),
                destination(ago, "ADT in", connection),
                channel(ago, "idle"),
                destination(ago, "idle", connection),
            ],
        )
    (trouble,) = observe_engines(store, NOW)
    assert (trouble.kind, trouble.channels, trouble.queued) == ("disconnected", ("ADT in",), 12)


def test_an_engine_that_gives_no_answer_is_told_and_its_channels_are_not(store: Store) -> None:
    for ago, state in ((60, "up"), (10, "away"), (1, "away")):
        record(store, [engine(ago, state), channel(60, "ADT in", "stopped", received=int(200 - ago))])
    (trouble,) = observe_engines(store, NOW)
    assert (trouble.kind, trouble.channels) == ("away", ())
    # What nobody reads any more says nothing of the engine.
    assert observe_engines(store, NOW + 10 * MINUTE) == ()


def test_one_alert_for_an_engine_and_kind() -> None:
    names = tuple(f"channel {number}" for number in range(5))
    seen = Observations(
        engines=(
            EngineTrouble("oie", "stopped", names, NOW - 12 * MINUTE, 31),
            EngineTrouble("lab", "away", (), None),
        )
    )
    stopped, away = evaluate(seen, ConditionSettings(link="http://caretrail"), NOW)[:2]
    assert (stopped.name, stopped.severity, stopped.affected) == ("ChannelStopped", "page", 5)
    assert stopped.summary == (
        "oie has 5 channels stopped that had messages today, for 12 min: channel 0, channel 1, channel 2 "
        "and 2 more; 31 messages wait"
    )
    assert stopped.labels == (("engine", "oie"),)
    assert (away.name, away.summary) == ("EngineAway", "lab gives no answer for more than a day")
