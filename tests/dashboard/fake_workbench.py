"""What people ask of workflows, answered from memory: a reconciliation in which one implant is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dashboard.workbench import Reconciled, Version
from slo.workflows.activate import Activated
from slo.workflows.backtest.score import Backtest, Change, Rate, Transition
from slo.workflows.discover.conform import Conformance, Deviation
from slo.workflows.discover.mine import Activity, Follows, Observed, Path, Share
from slo.workflows.discover.propose import Proposal
from slo.workflows.load import Definition
from slo.workflows.reconcile.model import Tolerance
from slo.workflows.reconcile.report import UnknownRule, UnknownWorkflow
from slo.workflows.reconcile.rows import Difference, Group, Message, Report, Said
from tests.dashboard.fake_moment import NOW

_NAME, _OTHER = "implant-to-inventory", "discharge-to-cash"


def report(journey: str) -> Report:
    """Twelve used, eleven decremented on one day; on the other all agree."""
    fine = Group(("2026-03-11",), "", "agrees", 9, 2, 1, 0, 0, (9, 9), (9.0, 9.0), (0, 0), 0.0, 0.0)
    off = Group(("2026-03-12",), "", "differs", 12, 0, 0, 0, 1, (12, 11), (12.0, 11.0), (0, 0), 1.0, 1.0)
    began = NOW - timedelta(hours=30)
    said = (
        Said("used", 1, 1.0, "", (Message(began, "ab" * 8, 1.0),)),
        Said("decremented", 0, 0.0, "missing", ()),
    )
    missing = Difference(journey, "", 1, began, "certain", ("2026-03-12",), "", said, 1.0)
    return Report(
        workflow=_NAME,
        title="Implants reach inventory",
        owner="Supply chain",
        measure="quantity",
        steps=("used", "decremented"),
        by=("day",),
        tolerance=Tolerance(),
        since=NOW - timedelta(days=7),
        at=NOW,
        zone="America/New_York",
        groups=(fine, off),
        differences=(missing,),
    )


@dataclass
class FakeWorkbench:
    """Answers like `dashboard.workbench.StoreWorkbench`; remembers what was activated."""

    journey: str
    activated: list[tuple[str, datetime | None]] = field(default_factory=list)

    def reconcilable(self) -> list[Reconciled]:
        other = Reconciled("census", "Census to staffing", ("count",), ("day",))
        return [Reconciled(_NAME, "Implants reach inventory", ("quantity",), ("day", "cost_centre")), other]

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
        if name not in (_NAME, "census"):
            raise UnknownWorkflow(f"there is no active workflow {name!r}")
        if "§" in by:
            raise UnknownRule("cannot group by §")
        if name == "census":
            return [replace(report(self.journey), workflow=name, groups=(), differences=())]
        found = report(self.journey)
        return [found if limit else replace(found, differences=())]

    def versions(self, name: str) -> list[Version]:
        known = Version(name, 2, True, NOW, NOW, "apiVersion: caretrail/v1\n")
        return [known] if name in (_NAME, _OTHER) else []

    def backtest(self, draft: Definition, now: datetime, days: int, limit: int) -> Backtest:
        name, how = draft.workflow.name, "met late -> met"
        found = Backtest(
            name, (1, 2), NOW - timedelta(days=days), NOW, ("step a: within 30m instead of 15m",)
        )
        found.compared, found.then, found.now = 12, Rate(10, 2), Rate(11, 1)
        found.transitions = [Transition("completed_late", "completed", "a", how, 1, [self.journey])]
        found.changes = [Change(self.journey, "", NOW, "completed_late", "completed", "a", how)][:limit]
        return found

    def activate(self, draft: Definition, now: datetime, valid_from: datetime | None) -> Activated:
        self.activated.append((draft.workflow.name, valid_from))
        return Activated(draft.workflow.name, 3, changed=True)

    def discover(self, journey: str, now: datetime, days: int, start: str | None) -> Proposal:
        acts = (Activity("DFT^P03@billing", 9, 180.0, 400.0, 1, Share(10, 9), {}),)
        paths = (Path(("DFT^P03@billing",), 9, self.journey),)
        follows = (Follows("ADT^A03@ehr", "DFT^P03@billing", 9, 180.0, 400.0),)
        starts = (("ADT^A03@ehr", 10),)
        seen = Observed(journey, "ADT^A03@ehr", NOW, NOW, 10, starts, acts, paths, 10, follows)
        return Proposal(seen, (), "", Share(10, 9), "apiVersion: caretrail/v1\n")

    def conform(self, name: str, now: datetime, days: int) -> Conformance:
        if name not in (_NAME, _OTHER):
            raise UnknownWorkflow(f"there is no active workflow {name!r}")
        late = Deviation("late", "a", 3, "a happened after its deadline", (self.journey,))
        return Conformance(name, "Implants reach inventory", NOW, NOW, 12, 11, 8, 1, (late,))
