"""What the steps of an encounter say to somebody who never saw the workflow."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from dashboard.pages import steps
from dashboard.pages.frame import Frame
from slo.workflows.rows import StepRow, StepState
from tests.dashboard.fake_hospital import instance
from tests.dashboard.fake_moment import NOW

FRAME = Frame(NOW, UTC, "Northside Health", "/", {})


def said(state: StepState, reason: str = "", *, forbidden: bool = True) -> str:
    row = instance("on_track", timedelta(hours=2))
    step = StepRow("result before order", state, NOW, None, "", reason, "lab", forbidden=forbidden)
    return str(steps._step(FRAME, row, step))


@pytest.mark.parametrize(
    ("state", "words"),
    [("met", "did not happen"), ("pending", "must not happen yet"), ("failed", "too early")],
)
def test_what_must_not_happen_is_not_told_as_if_it_had(state: StepState, words: str) -> None:
    told = said(state, "too_early" if state == "failed" else "")
    assert words in told
    assert "after start" not in told


def test_what_must_happen_is_told_with_its_time() -> None:
    assert "after start" in said("met", forbidden=False)
