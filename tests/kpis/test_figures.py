import pytest

from slo.kpis.definitions import ON_TIME
from slo.kpis.model import Better, Figure


def figure(
    value: float | None, previous: float | None, better: Better, target: float | None = None
) -> Figure:
    return Figure("on_time", "On time", "ratio", better, value, previous, 1, 1, target, (), "", ON_TIME)


@pytest.mark.parametrize(
    ("value", "previous", "better", "direction"),
    [
        (0.9, 0.99, "higher", "worse"),
        (5, 9, "lower", "better"),
        (0.95, 0.951, "higher", "same"),
        (1, None, "lower", "unknown"),
    ],
)
def test_direction_knows_which_way_is_better(
    value: float, previous: float | None, better: Better, direction: str
) -> None:
    assert figure(value, previous, better).direction == direction


def test_a_target_is_met_missed_or_unknown() -> None:
    assert figure(0.95, None, "higher", 0.95).on_target is True
    assert figure(7, None, "lower", 5).on_target is False
    assert figure(None, None, "higher", 0.95).on_target is None
    assert figure(0.95, None, "higher").on_target is None
