"""Which days of which traces are read together."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from slo.workflows.messages import _MOST_GROUPS, _number, _together

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(60)]


def test_traces_of_common_days_are_read_together_and_others_apart() -> None:
    days = {"a": {DAYS[0]}, "b": {DAYS[0], DAYS[2]}, "c": {DAYS[2]}, "d": {DAYS[9]}}
    assert _together(days) == [({"a", "b", "c"}, {DAYS[0], DAYS[2]}), ({"d"}, {DAYS[9]})]


def test_many_groups_become_few() -> None:
    days = {f"t{n}": {day} for n, day in enumerate(DAYS)}
    groups = _together(days)
    assert len(groups) == _MOST_GROUPS
    assert set().union(*(traces for traces, _ in groups)) == set(days)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.sets(st.sampled_from(DAYS), min_size=1)))
def test_every_day_of_every_trace_is_in_one_group(days: dict[str, set[date]]) -> None:
    groups = _together(days)
    for trace, its in days.items():
        (group,) = [group for group in groups if trace in group[0]]
        assert its <= group[1]
    assert sum(len(traces) for traces, _ in groups) == len(days)


def test_a_name_that_is_no_trace_has_no_number() -> None:
    assert _number("0100000000000000" + "00" * 8) == 1
    assert _number("one of several") == 0
