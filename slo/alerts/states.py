"""From what holds now to what people are told: one notice when an alert starts, one when it clears.

Called by the alert loop. A pure function from the last state to the next one; the store and the receivers are
elsewhere. Alerts that come and go within `release` stay one alert.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from slo.alerts.model import Alert, Notice, Tracked, Watch


@dataclass(frozen=True)
class Timing:
    """`hold`: how long a condition must last before it starts; `release`: how long it must be gone to clear;
    `resend`: how often a firing alert is told again; `remember`: how long a cleared one is, so that a
    receiver that was away hears of it too.
    """

    hold: timedelta = timedelta(0)
    release: timedelta = timedelta(minutes=1)
    resend: timedelta = timedelta(minutes=1)


def advance(
    watch: Watch, alerts: Iterable[Alert], timing: Timing, now: datetime
) -> tuple[Watch, list[Notice]]:
    """The next state and what to tell, in order of identity. The same alert twice in `alerts` counts once."""
    holding = {alert.id: alert for alert in alerts}
    tracked: dict[str, Tracked] = {}
    notices: list[Notice] = []
    for identity in sorted({*watch.tracked, *holding}):
        one = watch.tracked.get(identity)
        following, notice = _follow(one, holding.get(identity), timing, now)
        if following is not None:
            tracked[identity] = following
        if notice is not None:
            notices.append(notice)
    return Watch(tracked), notices


def freeze(
    watch: Watch, alerts: Iterable[Alert], timing: Timing, now: datetime
) -> tuple[Watch, list[Notice]]:
    """The next state when the store could not be asked: what fires goes on firing and nothing clears.

    `alerts` are those that hold without the store. What had only begun to hold begins again later.
    """
    known = list(alerts)
    ours = {alert.id for alert in known}
    kept = {identity: one for identity, one in watch.tracked.items() if one.started or identity in ours}
    return advance(Watch(kept), [*(one.alert for one in Watch(kept).firing), *known], timing, now)


def _follow(
    one: Tracked | None, alert: Alert | None, timing: Timing, now: datetime
) -> tuple[Tracked | None, Notice | None]:
    if alert is not None:
        one = replace(one, alert=alert, held_at=now) if one else Tracked(alert, since=now, held_at=now)
    if one is None:
        return None, None
    if one.started is not None:
        if now - one.held_at < timing.release or alert is not None:
            return _again(one, timing, now)
        return None, Notice("cleared", one.alert, one.since, now)
    if alert is None:
        return None, None
    if now - one.since < timing.hold:
        return one, None
    return replace(one, started=now, told_at=now), Notice("started", alert, one.since)


def _again(one: Tracked, timing: Timing, now: datetime) -> tuple[Tracked, Notice | None]:
    if one.told_at is not None and now - one.told_at < timing.resend:
        return one, None
    return replace(one, told_at=now), Notice("firing", one.alert, one.since)
