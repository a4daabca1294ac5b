"""Numbers as people say them: durations somebody would promise, delays, and shares.

Used by what discovery proposes and by how it writes it down.
"""

from __future__ import annotations

from slo.workflows.discover.mine import Share

_PLAIN = (
    *((n, f"{n}s") for n in (1, 2, 5, 10, 15, 20, 30, 45)),
    *((n * 60, f"{n}m") for n in (1, 2, 3, 5, 10, 15, 20, 30, 45)),
    *((n * 3600, f"{n}h") for n in (1, 2, 3, 4, 6, 8, 12, 16)),
    *((n * 86400, f"{n} day{'s' if n > 1 else ''}") for n in (1, 2, 3, 4, 5, 7, 10, 14, 21, 30, 45, 60, 90)),
)


def plain_duration(seconds: float) -> tuple[float, str]:
    """The next longer duration that people use."""
    for length, text in _PLAIN:
        if seconds <= length:
            return float(length), text
    return float(_PLAIN[-1][0]), _PLAIN[-1][1]


def spoken(seconds: float) -> str:
    """A delay as it is told: 2.6 s, 58 m, 5.3 h, 8.7 days."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} m"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"


def share_of(share: Share) -> str:
    """How many of how many."""
    return f"{share.had} of {share.old} ({share.rate:.1%})"
