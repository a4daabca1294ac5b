from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.objectives.budget import FORECAST_WINDOW, burn_rate, exhaustion, judge
from slo.objectives.model import Objective, ObjectiveStatus, Tally
from slo.objectives.windows import load_windows

NOW = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONTH = 30 * DAY
OBJECTIVE = Objective("d2c", "Discharge to cash", "rc", "", "discharge-to-cash", "", 0.95, MONTH)
WINDOWS = load_windows()


def status(month: Tally, other: Tally | None = None, **windows: Tally) -> ObjectiveStatus:
    lengths = {length for window in WINDOWS for length in (window.long, window.short)}
    tallies = dict.fromkeys(lengths, other or Tally())
    tallies |= {FORECAST_WINDOW: windows.get("day", other or Tally()), MONTH: month}
    return judge(OBJECTIVE, WINDOWS, tallies, NOW - HOUR, NOW)


def test_shipped_windows_are_those_of_the_workbook() -> None:
    assert [(window.factor, window.long, window.short) for window in WINDOWS] == [
        (14.4, HOUR, timedelta(minutes=5)),
        (6, 6 * HOUR, timedelta(minutes=30)),
        (3, DAY, 2 * HOUR),
        (1, 3 * DAY, 6 * HOUR),
    ]
    shares = [window.factor * window.long / MONTH for window in WINDOWS]
    assert shares == pytest.approx([0.02, 0.05, 0.1, 0.1])


def test_half_the_budget_used_is_half_left() -> None:
    found = status(Tally(975, 25))
    assert found.rate == 0.975
    assert found.budget_events == pytest.approx(50)
    assert found.budget_remaining == pytest.approx(0.5)
    assert found.state == "healthy"


def test_more_bad_than_allowed_is_exhausted_now() -> None:
    found = status(Tally(900, 100))
    assert found.state == "exhausted"
    assert found.budget_remaining == pytest.approx(-1)
    assert found.exhausted_at == NOW


def test_no_data_is_unknown_and_never_healthy() -> None:
    found = status(Tally())
    assert (found.state, found.rate, found.budget_remaining) == ("unknown", None, None)
    tallies = dict.fromkeys({*(length for w in WINDOWS for length in (w.long, w.short)), MONTH}, Tally(10, 0))
    for last_event in (None, NOW - DAY):
        stale = judge(OBJECTIVE, WINDOWS, tallies, last_event, NOW)
        assert stale.state == "unknown"
        assert stale.exhausted_at is None


def test_burning_needs_both_windows_and_enough_bad_events() -> None:
    assert status(Tally(990, 10), Tally(1, 9)).state == "burning"
    few = status(Tally(990, 10), Tally(0, 4))
    assert few.state == "healthy"
    assert few.burns[0].long_rate == pytest.approx(20)
    assert not few.burns[0].firing


def test_the_short_window_ends_the_alert_soon() -> None:
    lengths = {length: Tally(1, 9) for window in WINDOWS for length in (window.long, window.short)}
    lengths[timedelta(minutes=5)] = Tally(20, 0)
    found = judge(OBJECTIVE, WINDOWS, {**lengths, MONTH: Tally(990, 10)}, NOW, NOW)
    assert [burn.firing for burn in found.burns] == [False, True, True, True]


def test_forecast_carries_the_last_day_forward() -> None:
    half_left = status(Tally(975, 25), day=Tally(80, 20))  # burning four times too fast
    assert half_left.exhausted_at == NOW + MONTH * 0.125
    assert status(Tally(975, 25), day=Tally(95, 5)).exhausted_at is None
    assert exhaustion(None, Tally(1, 1), 0.95, MONTH, NOW) is None


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0.5, 0.9999))
def test_burn_rate_is_one_exactly_when_the_rate_is_the_target(good: int, bad: int, target: float) -> None:
    rate = burn_rate(Tally(good, bad), target)
    if not good + bad:
        assert rate is None
    else:
        assert rate is not None
        assert 1 - rate * (1 - target) == pytest.approx(good / (good + bad))
