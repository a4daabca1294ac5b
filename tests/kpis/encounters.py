"""Writes judged facts of encounters straight into the store, for tests of what reads them.

The facts follow the columns of the table `instances`; what they imply (when it was decided, what waits) is
worked out here in plain Python, not by the product's SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tracing.store import Store

NEVER = datetime(2200, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WORKFLOW = "discharge-to-cash"
#: Step -> its deadline after the start.
STEPS = {"billing ready": 15 * MINUTE, "ERP posted": HOUR, "claim submitted": 3 * DAY}


@dataclass
class Encounter:
    """One discharge `ago` before NOW; `met` and `failed` say how long after it each step was met or
    refused.
    """

    ago: timedelta
    met: dict[str, timedelta] = field(default_factory=dict)
    failed: dict[str, timedelta] = field(default_factory=dict)
    facility: str = "NSH-NORTH"
    cancelled: timedelta | None = None
    exempt: tuple[str, ...] = ()
    workflow: str = WORKFLOW


def good(ago: timedelta, claim: timedelta = 2 * DAY, facility: str = "NSH-NORTH") -> Encounter:
    """A discharge whose every step was in time."""
    met = {"billing ready": 3 * MINUTE, "ERP posted": 20 * MINUTE, "claim submitted": claim}
    return Encounter(ago, met, facility=facility)


def lost_at_erp(ago: timedelta, facility: str = "NSH-NORTH") -> Encounter:
    """A discharge that reached billing and nothing else."""
    return Encounter(ago, {"billing ready": 3 * MINUTE}, facility=facility)


def write(store: Store, encounters: Iterable[Encounter]) -> None:
    """Insert the encounters into `instances` and, while they are open, `open_instances`."""
    rows = [_facts(number, encounter) for number, encounter in enumerate(encounters)]
    if not rows:
        return
    columns = tuple(rows[0])
    store.insert("instances", columns, [tuple(row.values()) for row in rows])
    narrow = (
        "workflow",
        "version",
        "journey",
        "occurrence",
        "facility",
        "started_at",
        "next_due",
        "failing_at",
        "waiting",
        "deleted",
        "evaluated_at",
    )
    about = ("due_step", "failing_step")
    waiting = [
        (
            *(row[name] for name in narrow),
            _step(row, "step_deadlines", "next_due"),
            _step(row, "step_failed_at", "failing_at"),
        )
        for row in rows
        if not row["closed"]
    ]
    store.insert("open_instances", (*narrow, *about), waiting)


def _step(row: dict[str, Any], each: str, one: str) -> str:
    """The unmet step whose time is the instance's."""
    places = [place for place, at in enumerate(row[each]) if at == row[one] and row["waiting"] >> place & 1]
    return str(row["step_names"][places[0]]) if places else ""


def _facts(number: int, encounter: Encounter) -> dict[str, Any]:
    start = NOW - encounter.ago
    names = list(STEPS)
    applicable = [name not in encounter.exempt for name in names]
    deadlines = [start + STEPS[name] for name in names]
    met = [start + encounter.met[name] if name in encounter.met else NEVER for name in names]
    failed = [start + encounter.failed[name] if name in encounter.failed else NEVER for name in names]
    live = [index for index, applies in enumerate(applicable) if applies]
    missed = [deadlines[index] for index in live if met[index] > deadlines[index]]
    unmet = [index for index in live if met[index] == NEVER]
    done = max(met[index] for index in live)
    due = min(missed, default=NEVER)
    cancelled = NEVER if encounter.cancelled is None else start + encounter.cancelled
    blank = [""] * len(names)
    return {
        "workflow": encounter.workflow,
        "version": 1,
        "journey": f"{number:032x}",
        "occurrence": 1,
        "certainty": "certain",
        "facility": encounter.facility,
        "started_at": start,
        "cancelled_at": cancelled,
        "step_names": names,
        "step_applicable": [int(applies) for applies in applicable],
        "step_required": [int(applies) for applies in applicable],
        "step_deadlines": deadlines,
        "step_met_at": met,
        "step_failed_at": failed,
        "met_outcomes": blank,
        "met_acks": blank,
        "failed_outcomes": blank,
        "failed_acks": blank,
        "failed_reasons": blank,
        "good_at": done if due == NEVER else NEVER,
        "due_at": due,
        "done_at": done,
        "next_due": min((deadlines[index] for index in unmet), default=NEVER),
        "failing_at": min((failed[index] for index in unmet), default=NEVER),
        "waiting": sum(1 << index for index in unmet),
        "closed": int(cancelled < NEVER or done < NEVER),
        "deleted": 0,
        "evaluated_at": NOW,
    }
