"""What a reconciliation answers with: groups with their totals, and the cases that make the difference.

Made by slo.workflows.reconcile.report and by the reference; shown by the page, the REST API and the command.
All times are aware UTC datetimes; values are in the unit of the measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from slo.workflows.reconcile.model import Tolerance

#: differs: the totals lie too far apart. offset: they agree because cases are wrong in both directions.
#: tolerated: apart, within the tolerance. agrees: nothing is apart. Worst first.
GroupState = Literal["differs", "offset", "tolerated", "agrees"]
GROUP_STATES: tuple[GroupState, ...] = ("differs", "offset", "tolerated", "agrees")
BAD: frozenset[GroupState] = frozenset({"differs", "offset"})


@dataclass(frozen=True, slots=True)
class Group:
    """One day, facility, item or cost centre: what each step said, all sequences in the order of the steps.

    `settled` cases are compared. Of the others, `waiting` are still within their deadline, `cancelled` do not
    count any more, and of the `exempt` not every compared step is expected. `unmeasured` counts messages that
    did not say the measure. `net` is how far the totals lie apart, `gross` what single cases do, added up.
    """

    keys: tuple[str, ...]
    currency: str
    state: GroupState
    settled: int
    waiting: int
    cancelled: int
    exempt: int
    differing: int
    counts: tuple[int, ...]
    values: tuple[float, ...]
    unmeasured: tuple[int, ...]
    net: float
    gross: float


@dataclass(frozen=True, slots=True)
class Message:
    """One message a step counted, by its first sighting; `trace_id` and `span_id` lead to it."""

    at: datetime
    span_id: str
    value: float


@dataclass(frozen=True, slots=True)
class Said:
    """What one step said of one case. `why` is what is wrong with it, "" when it agrees with the first."""

    step: str
    count: int
    value: float
    why: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A case whose steps disagree: `occurrence` 0 means that the workflow never started for it."""

    journey: str
    item: str
    occurrence: int
    began: datetime
    certainty: str
    keys: tuple[str, ...]
    currency: str
    said: tuple[Said, ...]
    apart: float


@dataclass(frozen=True, slots=True)
class Report:
    """One rule over one time: the cases that began from `since` to `at`, by local day in `zone`."""

    workflow: str
    title: str
    owner: str
    measure: str
    steps: tuple[str, ...]
    by: tuple[str, ...]
    tolerance: Tolerance
    since: datetime
    at: datetime
    zone: str
    groups: tuple[Group, ...]
    differences: tuple[Difference, ...]

    @property
    def differing(self) -> int:
        """Cases that disagree, whether they are listed or not."""
        return sum(group.differing for group in self.groups)

    @property
    def state(self) -> GroupState:
        """The worst of its groups."""
        return min((group.state for group in self.groups), key=GROUP_STATES.index, default="agrees")

    @property
    def totals(self) -> list[tuple[str, tuple[int, ...], tuple[float, ...]]]:
        """(currency, messages, values) over all groups, by step."""
        found = []
        for currency in sorted({group.currency for group in self.groups}):
            mine = [group for group in self.groups if group.currency == currency]
            counts = tuple(sum(each) for each in zip(*(group.counts for group in mine), strict=True))
            values = tuple(round(sum(each), 6) for each in zip(*(g.values for g in mine), strict=True))
            found.append((currency, counts, values))
        return found


def group_state(net: float, gross: float, tolerance: Tolerance, first: float) -> GroupState:
    """How a group stands. Shares are of what the first step says."""
    allowed = tolerance.allows(first) + 5e-7
    if net > allowed:
        return "differs"
    if gross > allowed:
        return "offset"
    return "tolerated" if gross > 5e-7 else "agrees"


def reasons(counts: Sequence[int], values: Sequence[float], refused: Sequence[bool]) -> list[str]:
    """What is wrong at each step of a case, held against the first that spoke; "" where nothing is."""
    spoke = next((n for n, count in enumerate(counts) if count), 0)
    found = []
    for count, value, was_refused in zip(counts, values, refused, strict=True):
        if not count and counts[spoke]:
            found.append("refused" if was_refused else "missing")
        elif abs(value - values[spoke]) <= 5e-7:
            found.append("")
        elif count > counts[spoke]:
            found.append("doubled" if count == 2 * counts[spoke] else "too many messages")
        elif count < counts[spoke]:
            found.append("too few messages")
        else:
            found.append("another value")
    return found
