from datetime import UTC, datetime, timedelta

import pytest

from slo.kpis.incidents import incidents
from slo.kpis.model import Incident
from slo.kpis.movers import movers
from slo.kpis.sentences import sentence, spell

T = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_consecutive_troubled_hours_are_one_incident() -> None:
    rows = [
        (T, "ERP posted", 4),
        (T, "", 10),
        (T + HOUR, "ERP posted", 2),
        (T + HOUR, "billing ready", 3),
        (T + 3 * HOUR, "billing ready", 3),
    ]
    assert incidents(rows) == [
        Incident(T, T + 2 * HOUR, 9, "ERP posted"),
        Incident(T + 3 * HOUR, T + 4 * HOUR, 3, "billing ready"),
    ]


@pytest.mark.parametrize("rows", [[(T, "ERP posted", 2)], [(T, "ERP posted", 3), (T, "", 100)], [(T, "", 9)]])
def test_a_trickle_is_no_incident(rows: list[tuple[datetime, str, int]]) -> None:
    assert incidents(rows) == []


def test_a_change_beyond_chance_is_listed_worst_first() -> None:
    found = movers(
        [
            ("step", "billing ready", 990, 1000, 950, 1000),
            ("step", "ERP posted", 900, 1000, 980, 1000),
            ("facility", "NSH-NORTH", 940, 1000, 970, 1000),
        ]
    )
    assert [(mover.name, mover.direction) for mover in found] == [
        ("ERP posted", "worse"),
        ("NSH-NORTH", "worse"),
        ("billing ready", "better"),
    ]
    assert found[0].sentence == "ERP posted: 90.0% in time, 98.0% before (1,000 and 1,000 encounters)"


@pytest.mark.parametrize(
    "row",
    [
        ("step", "few", 10, 19, 19, 19),
        ("step", "chance", 18, 20, 20, 20),
        ("step", "tiny", 995_000, 1_000_000, 1_000_000, 1_000_000),
        ("step", "same", 100, 100, 100, 100),
    ],
)
def test_what_chance_or_a_handful_explains_is_not_listed(row: tuple[str, str, int, int, int, int]) -> None:
    assert movers([row]) == ()  # type: ignore[list-item]


def test_sentences_say_value_change_and_target() -> None:
    said = sentence("{} of 10 encounters in time", "ratio", "higher", 0.972, 0.989, 0.95, 30)
    assert said == "97.2 % of 10 encounters in time; 98.9 % in the 30 days before. Target 95.0 %: met."
    assert sentence("{}", "count", "lower", 3, None, 2, 30) == "3. Target 2: missed."
    assert sentence("{}", "count", "lower", None, 1, None, 30).startswith("Nothing was decided")
    assert (spell(100_800, "seconds"), spell(0, "seconds"), spell(None, "count")) == (
        "1 d 4 h",
        "none",
        "no data",
    )
