"""Numbers and times read as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import wording

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 10, 18, 2, 7, tzinfo=UTC)


def plain(text: str) -> str:
    return text.replace(wording.NBSP, " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.0421, "42 ms"),
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (42, "42 s"),
        (59.4, "59 s"),
        (59.9, "1 m"),
        (60, "1 m"),
        (2280, "38 m"),
        (3599, "59 m"),
        (3600, "1 h"),
        (8040, "2 h 14 m"),
        (86399, "23 h 59 m"),
        (86400, "1 d"),
        (273600, "3 d 4 h"),
        (86400 * 20 + 7200, "20 d"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float | None, words: str) -> None:
    assert plain(wording.duration(seconds)) == words


@given(st.floats(min_value=0, max_value=1e9))
def test_a_duration_never_says_sixty_of_anything(seconds: float) -> None:
    words = plain(wording.duration(seconds)).split()
    assert not {("60", "s"), ("60", "m"), ("24", "h")} & set(pairwise(words))


def test_lateness_and_time_left_read_differently() -> None:
    assert plain(wording.late(8040)) == "2 h 14 m late"
    assert plain(wording.late(-240)) == "due in 4 m"
    assert wording.late(None) == "–"


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(0), "14:02"),
        (timedelta(days=-1), "Wed 14:02"),
        (timedelta(days=4), "Fri 13:02"),  # the clocks went forward on Sunday
        (timedelta(days=20), "18 Feb 13:02"),
        (timedelta(days=400), "3 Feb 2025 13:02"),
    ],
)
def test_a_moment_is_as_short_as_now_allows(ago: timedelta, words: str) -> None:
    assert plain(wording.moment(NOW - ago, NEW_YORK, NOW)) == words


def test_the_exact_time_names_its_zone() -> None:
    assert wording.exact(NOW, NEW_YORK) == "2026-03-10 14:02:07 EDT"
    assert wording.exact(NOW + timedelta(milliseconds=120), NEW_YORK) == "2026-03-10 14:02:07.120 EDT"
    assert wording.zone_name(NOW, ZoneInfo("America/Sao_Paulo")) == "UTC-03"


@pytest.mark.parametrize(
    ("share", "words"), [(None, "–"), (0.914, "91.4 %"), (1.0, "100 %"), (0.99996, "99.9 %"), (0.0, "0.0 %")]
)
def test_a_share_is_never_rounded_up_to_all(share: float | None, words: str) -> None:
    assert plain(wording.percent(share)) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(None, "–"), (0.0, "0/min"), (41.2, "41/min"), (4.2, "4.2/min"), (0.05, "3.0/h"), (1204.0, "1 204/min")],
)
def test_quiet_interfaces_are_counted_by_the_hour(rate: float | None, words: str) -> None:
    assert plain(wording.rate(rate)) == words


def test_a_masked_key_shows_three_characters_at_most() -> None:
    assert wording.masked("V2600041") == "••••041"
    assert wording.masked("12345") == "••••"
    assert wording.masked(None) == "••••"


def test_small_words() -> None:
    assert wording.plural(1, "encounter") == "1 encounter"
    assert plain(wording.plural(1204, "encounter")) == "1 204 encounters"
    assert wording.phrase("cost_centre_unknown") == "cost centre unknown"
    assert wording.shortened("4bf92f3577b34da6a3ce929d0e0e4736") == "4bf9…4736"
    assert plain(wording.milliseconds(212.4)) == "212 ms"
    assert plain(wording.milliseconds(2100)) == "2.1 s"
