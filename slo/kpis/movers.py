"""What got better and worse: which changes of on-time shares are more than chance, largest first.

A pure function, called by `slo.kpis.executive`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from slo.kpis.model import Mover

#: Encounters needed in each period.
ENOUGH = 20
#: Least change worth a line, in share.
NOTABLE = 0.01
#: Standard errors of a two-proportion test; chance alone exceeds this once in a hundred.
UNLIKELY = 2.58

Row = tuple[Literal["step", "facility"], str, int, int, int, int]
"""(kind, name, good, total, good before, total before)."""


def movers(rows: Iterable[Row], limit: int = 6) -> tuple[Mover, ...]:
    """The notable changes, worse before better and each by size, `limit` at most of either."""
    found = [mover for row in rows if (mover := _mover(*row)) is not None]
    found.sort(key=lambda mover: (-abs(mover.rate - mover.previous), mover.kind, mover.name))
    worse = [mover for mover in found if mover.direction == "worse"][:limit]
    better = [mover for mover in found if mover.direction == "better"][:limit]
    return (*worse, *better)


def _mover(
    kind: Literal["step", "facility"], name: str, good: int, total: int, before_good: int, before: int
) -> Mover | None:
    if min(total, before) < ENOUGH:
        return None
    rate, previous = good / total, before_good / before
    pooled = (good + before_good) / (total + before)
    error = math.sqrt(pooled * (1 - pooled) * (1 / total + 1 / before))
    change = rate - previous
    if abs(change) < NOTABLE or error == 0 or abs(change) / error < UNLIKELY:
        return None
    sentence = f"{name}: {rate:.1%} in time, {previous:.1%} before ({total:,} and {before:,} encounters)"
    return Mover(kind, name, "worse" if change < 0 else "better", rate, previous, total, before, sentence)
