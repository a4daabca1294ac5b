"""The vocabulary of states: each has a word, a shape and a colour class, never one without the others.

Called by every page.  The words are those of the REST interface (lower case, underscores); what people read
is in `STATES`.  Colours are named here and given in `assets/tokens.css` for both themes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class State:
    """One state as it is shown. glyph: for text without pictures (titles, CSV, terminals); tone: CSS
    class.
    """

    code: str
    word: str
    shape: str
    glyph: str
    tone: str


STATES: Final[dict[str, State]] = {
    state.code: state
    for state in (
        State("failed", "failed", "cross", "✕", "bad"),
        State("overdue", "overdue", "square", "■", "bad"),
        State("at_risk", "at risk", "triangle", "▲", "risk"),
        State("on_track", "on track", "disc", "●", "good"),
        State("completed_late", "completed late", "check", "✓", "quiet"),
        State("completed", "completed", "check", "✓", "good"),
        State("met", "met", "check", "✓", "good"),
        State("met_late", "met late", "check", "✓", "quiet"),
        State("pending", "waiting", "ring", "◌", "unknown"),
        State("not_applicable", "not applicable", "dash", "–", "unknown"),
        State("cancelled", "cancelled", "barred", "⊘", "unknown"),
        State("unknown", "unknown", "ring", "◌", "unknown"),
        State("silent", "silent", "square", "■", "bad"),
        State("healthy", "healthy", "disc", "●", "good"),
        State("burning", "burning", "triangle", "▲", "risk"),
        State("exhausted", "exhausted", "square", "■", "bad"),
        State("differs", "differs", "square", "■", "bad"),
        State("offset", "agrees by chance", "square", "■", "bad"),
        State("tolerated", "within tolerance", "triangle", "▲", "risk"),
        State("agrees", "agrees", "disc", "●", "good"),
    )
}

INSTANCE_STATES: Final = (
    "overdue",
    "failed",
    "at_risk",
    "on_track",
    "completed",
    "completed_late",
    "cancelled",
)
NEEDS_SOMEBODY: Final = ("overdue", "failed", "at_risk")

_WORST_FIRST: Final = (
    "failed", "overdue", "silent", "exhausted", "differs", "offset", "at_risk", "burning", "tolerated",
    "on_track", "healthy", "agrees", "completed_late", "completed", "met", "met_late", "pending", "unknown",
    "not_applicable", "cancelled",
)  # fmt: skip


def state(code: str) -> State:
    """The shown form of a state's code; a code this version does not know is shown as unknown, by its
    name.
    """
    found = STATES.get(code)
    return found if found else State(code, code.replace("_", " "), "ring", "◌", "unknown")


def severity(code: str) -> int:
    """Smaller is worse; unknown codes come after everything that is known."""
    return _WORST_FIRST.index(code) if code in _WORST_FIRST else len(_WORST_FIRST)


def worst(counts: dict[str, int]) -> str:
    """The state a whole workflow is in: its worst non-empty one; `unknown` when nothing was ever started.

    `silent` is a state of interfaces and does not occur here.  Absence of data is never green.
    """
    for code in ("failed", "overdue", "at_risk", "on_track", "completed_late", "completed"):
        if counts.get(code, 0):
            return code if code not in ("completed", "completed_late") else "on_track"
    return "unknown"


def outcome_state(outcome: str) -> str:
    """The state mark of one hop's outcome: accepted is good, accepted in part a risk, silence of the peer
    unknown, the rest failed.
    """
    if outcome == "accepted":
        return "met"
    if outcome == "partial":
        return "at_risk"
    return "failed" if outcome in ("rejected", "error", "timeout", "mismatched") else "unknown"
