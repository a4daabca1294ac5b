"""States: each has a shape, a word and a colour; what is not known is never green."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dashboard import states, traffic
from slo.workflows.rows import INSTANCE_STATES, STEP_STATES
from tests.dashboard.fake_moment import NOW

TOKENS = Path(states.__file__).parent / "assets" / "10-tokens.css"
PRINT = TOKENS.with_name("60-print.css")


@pytest.mark.parametrize("code", [*INSTANCE_STATES, *STEP_STATES])
def test_every_state_of_the_rows_can_be_shown(code: str) -> None:
    shown = states.state(code)
    assert shown.word
    assert shown.glyph
    assert code in states.STATES


def test_states_that_need_different_deeds_differ_in_shape_and_word() -> None:
    codes = (
        "on_track",
        "at_risk",
        "overdue",
        "failed",
        "completed",
        "pending",
        "not_applicable",
        "cancelled",
    )
    assert len({states.state(code).shape for code in codes}) == len(codes)
    assert len({states.state(code).word for code in codes}) == len(codes)


def test_a_state_of_a_later_version_is_shown_as_unknown_by_its_name() -> None:
    assert states.state("suspended_by_vendor").word == "suspended by vendor"
    assert states.state("suspended_by_vendor").tone == "unknown"


def test_a_workflow_is_as_bad_as_its_worst_instance_and_unknown_without_any() -> None:
    assert states.worst({"on_track": 214, "overdue": 1}) == "overdue"
    assert states.worst({"at_risk": 1, "completed": 9}) == "at_risk"
    assert states.worst({"completed": 9}) == "on_track"
    assert states.worst({"overdue": 0, "on_track": 0}) == "unknown"


def test_worst_comes_first_in_lists() -> None:
    codes = ["on_track", "failed", "at_risk", "nonsense", "overdue"]
    assert sorted(codes, key=states.severity) == ["failed", "overdue", "at_risk", "on_track", "nonsense"]


@pytest.mark.parametrize(
    ("silent_s", "usual", "errors", "day", "code"),
    [
        (30, 38.0, 0.0, 5000, "on_track"),
        (662, 4.2, 0.0, 5000, "silent"),
        (662, 0.1, 0.0, 100, "on_track"),
        (30, 38.0, 0.041, 5000, "at_risk"),
        (30, 38.0, 0.3, 5000, "failed"),
        (90000, None, None, 0, "unknown"),
    ],
)
def test_an_interface_is_silent_only_against_its_usual_rate(
    silent_s: float, usual: float | None, errors: float | None, day: int, code: str
) -> None:
    seen = NOW - timedelta(seconds=silent_s)
    assert traffic.judge(seen, usual, errors, day, NOW) == code


def themes() -> dict[str, dict[str, str]]:
    """The colours of each theme as the style sheets give them."""
    found: dict[str, dict[str, str]] = {}
    for name, path, selector in (
        ("dark", TOKENS, ':root[data-theme="dark"] {'),
        ("light", TOKENS, ':root[data-theme="light"] {'),
        ("paper", PRINT, ':root[data-theme="light"] {'),
    ):
        block = path.read_text().split(selector)[1].split("}")[0]
        pairs = (part.split(":") for part in block.replace("\n", " ").split(";") if "--" in part)
        found[name] = {key.strip(): value.strip() for key, value in pairs}
    return found


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light", "paper"])
@pytest.mark.parametrize(
    "ink", ["--ink", "--ink-2", "--good-ink", "--risk-ink", "--bad-ink", "--info-ink", "--unknown-ink"]
)
@pytest.mark.parametrize("surface", ["--ground", "--panel", "--raised"])
def test_every_ink_is_readable_on_every_surface(theme: str, ink: str, surface: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[ink], colours[surface]) >= 4.5


@pytest.mark.parametrize("fill", ["--good-fill", "--risk-fill", "--bad-fill"])
def test_words_on_a_filled_state_are_readable(fill: str) -> None:
    text = TOKENS.read_text()
    colour = text.split(f"{fill}:")[1].split(";")[0].strip()
    on_it = text.split("--on-fill:")[1].split(";")[0].strip()
    assert contrast(colour, on_it) >= 4.5


def test_the_palette_is_okabe_and_ito() -> None:
    text = TOKENS.read_text().lower()
    for colour in ("#009e73", "#e69f00", "#d55e00", "#0072b2"):
        assert colour in text
