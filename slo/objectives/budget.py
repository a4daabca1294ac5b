"""The arithmetic of error budgets: pure functions from counts to burn rates, budgets and states.

Called by `slo.objectives.status`. No store, no clock: `now` comes in. No data never gives a good state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from slo.objectives.model import Burn, BurnWindow, Objective, ObjectiveStatus, State, Tally

#: Burning of this last stretch is carried forward by the forecast.
FORECAST_WINDOW = timedelta(days=1)
#: Without a new encounter for this long nothing is known, however good the past was.
STALE_AFTER = timedelta(days=1)


def burn_rate(tally: Tally, target: float) -> float | None:
    """How many times faster than sustainable the budget goes: 1 uses exactly all of it. None without
    events.
    """
    if not tally.total:
        return None
    return (tally.bad / tally.total) / (1 - target)


def burns(
    windows: Sequence[BurnWindow], tallies: Mapping[timedelta, Tally], target: float
) -> tuple[Burn, ...]:
    """Each window pair judged; `tallies` has the counts of every long and short window."""
    judged = []
    for window in windows:
        long, short = tallies[window.long], tallies[window.short]
        long_rate, short_rate = burn_rate(long, target), burn_rate(short, target)
        firing = (
            long.bad >= window.minimum_events
            and long_rate is not None
            and short_rate is not None
            and long_rate >= window.factor
            and short_rate >= window.factor
        )
        judged.append(Burn(window, long_rate, short_rate, long.bad, firing))
    return tuple(judged)


def exhaustion(
    remaining: float | None, recent: Tally, target: float, window: timedelta, now: datetime
) -> datetime | None:
    """When the budget ends if the burning of `recent` goes on; None when it lasts, `now` when it is gone.

    Errs on the early side: budget that comes back as old misses leave the window is not counted.
    """
    if remaining is None:
        return None
    if remaining <= 0:
        return now
    rate = burn_rate(recent, target)
    if rate is None or rate <= 1:
        return None
    return now + window * (remaining / rate)


def judge(
    objective: Objective,
    windows: Sequence[BurnWindow],
    tallies: Mapping[timedelta, Tally],
    last_event: datetime | None,
    now: datetime,
) -> ObjectiveStatus:
    """The status of an objective from the counts of its windows.

    `tallies` has the objective's own window, every burn window and `FORECAST_WINDOW`. `last_event` is the
    latest start of an encounter of the workflow.
    """
    tally = tallies[objective.window]
    budget = tally.total * (1 - objective.target)
    remaining = 1 - tally.bad / budget if budget else None
    judged = burns(windows, tallies, objective.target)
    state, reason = _state(tally, remaining, judged, last_event, now)
    known = state != "unknown"
    ends = exhaustion(remaining, tallies[FORECAST_WINDOW], objective.target, objective.window, now)
    return ObjectiveStatus(
        objective=objective,
        at=now,
        state=state,
        reason=reason,
        tally=tally,
        rate=tally.rate,
        budget_events=budget,
        budget_remaining=remaining,
        burns=judged,
        exhausted_at=ends if known else None,
        last_event=last_event,
    )


def _state(
    tally: Tally,
    remaining: float | None,
    judged: Sequence[Burn],
    last_event: datetime | None,
    now: datetime,
) -> tuple[State, str]:
    if remaining is None:
        return "unknown", "nothing was decided in the window"
    if last_event is None or now - last_event >= STALE_AFTER:
        return "unknown", "no encounter started in the last 24 hours"
    if remaining <= 0:
        return "exhausted", f"{tally.bad} of {tally.total} missed a deadline, more than the budget allows"
    firing = [burn for burn in judged if burn.firing]
    if firing:
        worst = max(firing, key=lambda burn: burn.window.factor)
        return "burning", f"the budget goes {worst.long_rate:.1f} times faster than it may"
    return "healthy", f"{remaining:.0%} of the budget is left"
