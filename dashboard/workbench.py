"""What people ask of workflows beyond what they show now: reconciliation, drafts, versions, discovery.

`Workbench` is the protocol the pages and the REST interface see, `StoreWorkbench` its answer from a real
store. All calls block, some for minutes; `dashboard.workflow_api` runs those on a thread of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from slo.workflows import activate
from slo.workflows.activate import Activated, active
from slo.workflows.backtest.score import Backtest, backtest
from slo.workflows.discover.conform import Conformance, conform
from slo.workflows.discover.propose import Proposal, discover
from slo.workflows.load import Definition
from slo.workflows.reconcile.report import reconcile, rules_of
from slo.workflows.reconcile.rows import Report
from tracing.store import Store, load_sql


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a workflow; it judges what started at `valid_from` or later, until the next one's."""

    name: str
    version: int
    active: bool
    valid_from: datetime
    activated_at: datetime
    yaml: str


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A workflow with rules of reconciliation, and the groups these name."""

    name: str
    title: str
    measures: tuple[str, ...]
    groups: tuple[str, ...]


class Workbench(Protocol):
    """Raises tracing.store.StoreError; LookupError where a name is unknown, ValueError where a wish is."""

    def reconcilable(self) -> list[Reconciled]: ...

    def reconcile(
        self,
        name: str,
        now: datetime,
        days: int,
        by: Sequence[str],
        measure: str | None,
        limit: int,
        group: Sequence[str] | None = None,
    ) -> list[Report]: ...

    def versions(self, name: str) -> list[Version]: ...

    def backtest(self, draft: Definition, now: datetime, days: int, limit: int) -> Backtest: ...

    def activate(self, draft: Definition, now: datetime, valid_from: datetime | None) -> Activated: ...

    def discover(self, journey: str, now: datetime, days: int, start: str | None) -> Proposal: ...

    def conform(self, name: str, now: datetime, days: int) -> Conformance: ...


class StoreWorkbench:
    """`Workbench` over a store.  handle: gives the calling thread its own; zone: that of days."""

    def __init__(self, handle: Callable[[], Store], zone: str = "UTC") -> None:
        self._handle = handle
        self._zone = zone

    def reconcilable(self) -> list[Reconciled]:
        """Workflows that state rules; where none does, those whose steps keep the same measure."""
        known = [one.workflow for one in active(self._handle())]
        stating = [workflow for workflow in known if workflow.spec.reconcile]
        keeping = [workflow for workflow in known if any(step.measure for step in workflow.spec.steps)]
        return [
            Reconciled(
                workflow.name,
                workflow.title,
                tuple(dict.fromkeys(rule.measure for rule in rules_of(workflow))),
                tuple(dict.fromkeys(name for rule in rules_of(workflow) for name in rule.by)),
            )
            for workflow in stating or keeping
            if rules_of(workflow)
        ]

    def reconcile(
        self,
        name: str,
        now: datetime,
        days: int,
        by: Sequence[str],
        measure: str | None,
        limit: int,
        group: Sequence[str] | None = None,
    ) -> list[Report]:
        return reconcile(
            self._handle(),
            name,
            now,
            days=days,
            by=by,
            measure=measure,
            zone=self._zone,
            limit=limit,
            group=group,
        )

    def versions(self, name: str) -> list[Version]:
        result = self._handle().query(load_sql("dashboard.sql", "workflow_versions.sql"), {"name": name})
        return [Version(row[0], row[1], bool(row[2]), *row[3:]) for row in result.rows]

    def backtest(self, draft: Definition, now: datetime, days: int, limit: int) -> Backtest:
        return backtest(self._handle(), draft, now, days=days, limit=limit)

    def activate(self, draft: Definition, now: datetime, valid_from: datetime | None) -> Activated:
        return activate(self._handle(), draft, now, valid_from)

    def discover(self, journey: str, now: datetime, days: int, start: str | None) -> Proposal:
        return discover(self._handle(), journey, now, days=days, start=start)

    def conform(self, name: str, now: datetime, days: int) -> Conformance:
        return conform(self._handle(), name, now, days=days)
