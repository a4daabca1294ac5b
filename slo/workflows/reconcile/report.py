"""Compares what the steps of a workflow counted, in the store: totals by group, and who makes the difference.

Called by the dashboard's source for the page, the REST API and `caretrail workflow reconcile`. It only reads;
messages that were sent again and runs that are repeated change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from slo.workflows.load import define_text
from slo.workflows.model import Workflow
from slo.workflows.reconcile.gather import PACKAGE, gathered, scope
from slo.workflows.reconcile.model import Reconcile, implied
from slo.workflows.reconcile.rows import Difference, Group, Message, Report, Said, group_state, reasons
from tracing.store import Store, load_sql

_MESSAGES = 8


class UnknownWorkflow(LookupError):
    """No active workflow has this name."""


class UnknownRule(ValueError):
    """The workflow has no such rule of reconciliation, or what was asked for cannot be compared."""


def rules_of(workflow: Workflow) -> tuple[Reconcile, ...]:
    """The rules a workflow states, or those its measures imply."""
    measures = {step.name: tuple(step.measure) for step in workflow.spec.steps}
    return workflow.spec.reconcile or implied(measures)


def reconcile(
    store: Store,
    name: str,
    now: datetime,
    *,
    days: int = 7,
    by: Sequence[str] = (),
    measure: str | None = None,
    zone: str = "UTC",
    limit: int = 100,
    group: Sequence[str] | None = None,
) -> list[Report]:
    """One report a rule of the active workflow `name`, over the last `days` local days, today included.

    by: groups instead of those the rule names. measure: only rules of this measure. limit: cases to list;
    group: only those of this group. Raises UnknownWorkflow, UnknownRule, StoreError.
    """
    rows = [row for row in store.query(load_sql("slo.workflows.sql", "active.sql")).rows if row[0] == name]
    if not rows:
        raise UnknownWorkflow(f"there is no active workflow {name!r}")
    _, version, text = rows[0]
    workflow = define_text(text, f"{name} version {version}").workflow
    rules = [rule for rule in rules_of(workflow) if measure in (None, rule.measure)]
    if not rules:
        known = ", ".join(sorted({rule.measure for rule in rules_of(workflow)})) or "none: it has one step"
        raise UnknownRule(f"{name} has no measure {measure or ''!r} to reconcile; measures are {known}")
    if by:
        rules = [_regrouped(rule, by) for rule in rules]
    return [
        compare(store, workflow, version, rule, now, since(now, days, zone), zone, limit, group)
        for rule in rules
    ]


def _regrouped(rule: Reconcile, by: Sequence[str]) -> Reconcile:
    try:
        return Reconcile.model_validate({**dict(rule), "by": list(by)})
    except ValidationError as error:
        told = error.errors()[0]["msg"]
        raise UnknownRule(f"cannot group by {', '.join(by)}: {told}") from None


def since(now: datetime, days: int, zone: str) -> datetime:
    """The local midnight with which the last `days` days began, today included."""
    local = now.astimezone(ZoneInfo(zone)).date() - timedelta(days=days - 1)
    return datetime.combine(local, time(), ZoneInfo(zone)).astimezone(UTC)


def compare(
    store: Store,
    workflow: Workflow,
    version: int,
    rule: Reconcile,
    now: datetime,
    begin: datetime,
    zone: str,
    limit: int,
    group: Sequence[str] | None = None,
) -> Report:
    """One rule of a workflow over the cases that began from `begin` to `now`. Raises StoreError."""
    asked = {
        **scope(workflow, version, rule.steps, begin, now),
        "measure": rule.measure,
        "currency": rule.money,
        "by": list(rule.by),
        "share": rule.tolerance.share,
        "zone": zone,
    }
    listed = {"limit": limit, "one_group": int(group is not None), "group": list(group or ())}
    with gathered(store, workflow, asked, now) as cases:
        groups = tuple(_group(row, rule) for row in _ask(store, "totals.sql", cases, {}))
        differs = limit and any(one.differing for one in groups)
        found = _ask(store, "differences.sql", cases, listed) if differs else []
    return Report(
        workflow=workflow.name,
        title=workflow.title,
        owner=workflow.metadata.owner,
        measure=rule.measure,
        steps=rule.steps,
        by=rule.by,
        tolerance=rule.tolerance,
        since=begin,
        at=now,
        zone=zone,
        groups=groups,
        differences=tuple(_difference(row, rule) for row in found),
    )


def _ask(store: Store, name: str, cases: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return store.query(load_sql(PACKAGE, name).replace("{{cases}}", cases), asked).rows


def _group(row: tuple[Any, ...], rule: Reconcile) -> Group:
    keys, currency, settled, waiting, cancelled, exempt, differing, counts, sums, unmeasured, gross = row
    values = tuple(each / 1e6 for each in sums) or (0.0,) * len(rule.steps)
    net = max(abs(value - values[0]) for value in values)
    return Group(
        keys=tuple(keys),
        currency=currency,
        state=group_state(net, gross / 1e6, rule.tolerance, values[0]),
        settled=settled,
        waiting=waiting,
        cancelled=cancelled,
        exempt=exempt,
        differing=differing,
        counts=tuple(counts) or (0,) * len(rule.steps),
        values=values,
        unmeasured=tuple(unmeasured) or (0,) * len(rule.steps),
        net=round(net, 6),
        gross=gross / 1e6,
    )


def _difference(row: tuple[Any, ...], rule: Reconcile) -> Difference:
    journey, item, number, began, sure, refused, keys, currency, counts, sums, mine, apart = row
    values = [each / 1e6 for each in sums]
    why = reasons(counts, values, refused or [False] * len(counts))
    said = tuple(
        Said(
            step,
            counts[n],
            values[n],
            why[n],
            tuple(Message(line[1], line[2], line[3] / 1e6) for line in mine if line[0] == n + 1)[:_MESSAGES],
        )
        for n, step in enumerate(rule.steps)
    )
    return Difference(journey, item, number, began, sure, tuple(keys), currency, said, apart / 1e6)
