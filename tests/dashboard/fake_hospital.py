"""A hospital in memory: everything the dashboard asks for, fixed to one moment, every state in it.

`FakeHospital` answers like `dashboard.source.Source`; fields may be changed by a test to see the page follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dashboard.audit import Entry, Look
from dashboard.source import NOT_AHEAD, BlankMessage, Definition, Named
from dashboard.traffic import InterfaceRow
from slo.kpis import WorkflowKpi
from slo.objectives import ObjectiveStatus
from slo.workflows.explain import Explanation
from slo.workflows.read import EVER, NEEDS_SOMEBODY
from slo.workflows.rows import (
    Hop,
    InstanceRow,
    InstanceState,
    Journey,
    Outline,
    SealedKey,
    StepRow,
    StepState,
    Tile,
)
from slo.workflows.search import Match
from tests.dashboard.fake_doubts import MRN, NAMED, SEALER, collisions, identity_events
from tests.dashboard.fake_doubts import SITE_KEY as SITE_KEY
from tests.dashboard.fake_figures import engine_row, kpi, line, objective, tile
from tests.dashboard.fake_moment import NOW
from tests.dashboard.fake_workbench import FakeWorkbench
from tracing.engines import EngineRow, Minute
from tracing.identity.decisions import DecisionError
from tracing.identity.read import Collision, IdentityEvent, Step
from tracing.keys import Key
from tracing.lineage import Arrow
from tracing.store import Result, StoreUnavailable

VISIT = Key("visit", "NSH", "V2600041")
ACCOUNT = Key("account", "NSH", "A7700123")
JOURNEY = VISIT_TOKEN = SEALER.token(VISIT)
STEPS = (
    ("engine accepted", "engine", timedelta(minutes=1)),
    ("billing ready", "billing", timedelta(minutes=15)),
    ("ERP posted", "erp", timedelta(minutes=60)),
    ("claim submitted", "clearinghouse", timedelta(days=3)),
)
REACHED: dict[str, tuple[StepState, StepState, StepState, StepState]] = {
    "failed": ("met", "met", "failed", "pending"),
    "overdue": ("met", "overdue", "overdue", "pending"),
    "at_risk": ("met", "met", "at_risk", "pending"),
    "on_track": ("met", "met", "pending", "pending"),
    "completed": ("met", "met", "met", "met"),
    "completed_late": ("met", "met_late", "met", "met"),
    "cancelled": ("met", "cancelled", "cancelled", "cancelled"),
}
TOOK = (timedelta(milliseconds=420), timedelta(minutes=3), timedelta(minutes=7), timedelta(hours=26))


def instance(
    state: InstanceState, ago: timedelta, journey: str = JOURNEY, facility: str = "NSH"
) -> InstanceRow:
    """One discharge that began `ago` before NOW and is in `state`."""
    started = NOW - ago
    steps = []
    for (name, system, within), took, code in zip(STEPS, TOOK, REACHED[state], strict=True):
        reached = code in ("met", "met_late", "failed")
        steps.append(
            StepRow(
                name=name,
                state=code,
                at=started + (took if code != "met_late" else within * 2) if reached else None,
                deadline=started + within,
                outcome={"failed": "rejected"}.get(code, "accepted" if reached else ""),
                reason="cost_centre_unknown" if code == "failed" else "",
                system=system,
                ack_code="422" if code == "failed" else "",
            )
        )
    open_steps = [step for step in steps if step.state in ("failed", "overdue", "at_risk", "pending")]
    worst = (
        open_steps[0] if open_steps and state not in ("completed", "completed_late", "cancelled") else None
    )
    return InstanceRow(
        workflow="discharge-to-cash",
        title="Discharge to cash",
        journey=journey,
        occurrence=1,
        state=state,
        started_at=started,
        facility=facility,
        step=worst.name if worst else "",
        deadline=worst.deadline if worst else None,
        late_s=(NOW - worst.deadline).total_seconds() if worst and worst.deadline else None,
        reason=worst.reason if worst else "",
        owner="Revenue cycle",
        steps=steps,
    )


def hop(
    at: datetime,
    interface: str,
    source: str,
    destination: str,
    message: str,
    ack: str,
    outcome: str,
    ms: float,
    system: str = "hl7v2",
    operation: str = "",
    reason: str = "",
) -> Hop:
    """One message with its acknowledgement."""
    return Hop(
        at=at,
        end=at + timedelta(milliseconds=ms),
        duration_ms=ms,
        interface=interface,
        source=source,
        destination=destination,
        system=system,
        message=message,
        operation=operation,
        outcome=outcome,
        ack_code=ack,
        reason=reason,
        control_id=f"{interface.upper()}{at:%H%M%S}",
        bytes=1530,
        ack_bytes=112,
        trace_id=JOURNEY,
        span_id=f"{abs(hash((interface, at))) % 16**16:016x}",
        tags={"patient_class": "I"},
        measures={"amount": 4310.5} if system == "http" else {},
    )


def journey(state: InstanceState = "failed", ago: timedelta = timedelta(minutes=42)) -> Journey:
    """The discharge of VISIT as it was seen on the wire."""
    start = NOW - ago
    hops = [
        hop(start, "ehr-adt", "ehr", "engine", "ADT^A03", "AA", "accepted", 420),
        hop(
            start + timedelta(seconds=4),
            "billing-adt-dft",
            "engine",
            "billing",
            "ADT^A03",
            "AA",
            "accepted",
            88,
        ),
        hop(
            start + timedelta(minutes=3),
            "billing-adt-dft",
            "engine",
            "billing",
            "DFT^P03",
            "AA",
            "accepted",
            131,
        ),
    ]
    if state in ("failed", "completed"):
        refused = state == "failed"
        hops.append(
            hop(
                start + timedelta(minutes=7),
                "erp-journals",
                "engine",
                "erp",
                "",
                "422" if refused else "201",
                "rejected" if refused else "accepted",
                212,
                "http",
                "POST /journals",
                "cost_centre_unknown" if refused else "",
            )
        )
    row = replace(instance(state, ago), started_at=start)
    return Journey(
        journey=JOURNEY,
        kind="visit",
        certainty="certain",
        trace_ids=[JOURNEY, "4bf92f3577b34da6a3ce929d0e0e4736"],
        keys=[
            SealedKey(key.kind, key.authority, SEALER.token(key), SEALER.seal(key))
            for key in (VISIT, ACCOUNT)
        ],
        hops=hops,
        workflows=[row],
    )


@dataclass(frozen=True)
class FakeWatched:
    """Rows that stay as they are."""

    found: list[InstanceRow]

    def rows(self, now: datetime) -> list[InstanceRow]:
        return self.found


class FakeHospital:
    """Implements `Source`. away: every question fails like a store that is down; looks: what was recorded."""

    def __init__(self, workflows: int = 3) -> None:
        everywhere = {"failed": 3, "overdue": 12, "at_risk": 4, "on_track": 214, "completed": 322}
        self.away = False
        self.bench = FakeWorkbench(JOURNEY)
        self.looks: list[Look] = []
        self.matches: list[Match] = []
        self.matches: list[Match] = []
        self.state: InstanceState = "failed"
        self.tile_list = [
            tile(
                "discharge-to-cash",
                "Discharge to cash",
                "Revenue cycle",
                {**everywhere, "completed_late": 9},
                0.914,
                0.981,
            ),
            tile(
                "implant-to-inventory",
                "Implant to inventory",
                "Supply chain",
                {"at_risk": 3, "on_track": 41, "completed": 77},
                0.97,
                0.971,
            ),
            tile(
                "admission-readiness",
                "Admission to billing readiness",
                "Patient access",
                {"on_track": 214, "completed": 1204},
                0.996,
                0.995,
            ),
        ][:workflows]
        states: list[InstanceState] = [
            "failed",
            "overdue",
            "overdue",
            "failed",
            "overdue",
            "at_risk",
            "at_risk",
        ]
        self.rows = [
            instance(
                code, timedelta(minutes=134 - 17 * index), _token(index), ("NSH", "NSH-NORTH")[index % 2]
            )
            for index, code in enumerate(states)
        ]
        self.lines = [
            line("ehr-adt", "ehr", "engine", "on_track", 41.0, 0.0, 2),
            line("billing-adt-dft", "engine", "billing", "silent", 0.0, 0.0, 662),
            line("erp-journals", "engine", "erp", "at_risk", 3.8, 0.041, 11),
            line("claims-out", "billing", "clearinghouse", "on_track", 0.4, 0.0, 95),
            line("claims-in", "clearinghouse", "billing", "unknown", 0.0, 0.0, 90000),
        ]

        self.engine_rows = [engine_row()]
        self.events = identity_events()
        self.told_of = {VISIT_TOKEN}
        self.bodies: dict[tuple[str, str], tuple[str, str]] = {}
        self.patient_known = False
        self.doubts = collisions()
        self.decisions: list[tuple[str, Sequence[str] | str, str, str]] = []

    @property
    def workbench(self) -> FakeWorkbench:
        self._ask()
        return self.bench

    def tiles(self, now: datetime, ahead: timedelta = NOT_AHEAD) -> list[Tile]:
        self._ask()
        return self.tile_list

    def watched(
        self,
        now: datetime,
        limit: int,
        workflow: str | None,
        facility: str | None,
        ahead: timedelta = NOT_AHEAD,
        states: Sequence[InstanceState] = NEEDS_SOMEBODY,
        fresh: timedelta = EVER,
    ) -> FakeWatched:
        self._ask()
        rows = [
            row
            for row in self.rows
            if workflow in (None, row.workflow)
            and facility in (None, row.facility)
            and (states == NEEDS_SOMEBODY or row.state in states)
        ]
        return FakeWatched(rows[:limit])

    def facilities(self) -> list[str]:
        self._ask()
        return sorted({row.facility for row in self.rows})

    def instances(
        self, workflow: str, now: datetime, state: InstanceState | None, limit: int
    ) -> list[InstanceRow]:
        self._ask()
        return [row for row in self.rows if row.workflow == workflow and state in (None, row.state)][:limit]

    def journey(self, asked: str, now: datetime) -> Journey | None:
        self._ask()
        if asked == JOURNEY or asked in {row.journey for row in self.rows}:
            ago = timedelta(minutes=90 if self.state == "overdue" else 42)
            found = replace(journey(self.state, ago), journey=asked)
            if self.patient_known:
                patient = SealedKey(MRN.kind, MRN.authority, MRN.token, MRN.sealed)
                found = replace(found, keys=[*found.keys, patient])
            return found
        return None

    def sentence(self, journey: Journey, now: datetime) -> str:
        return (
            "Reached billing 3 minutes after discharge; the ERP refused the journal at 13:27 "
            "(422, cost centre unknown) and nothing came after."
        )

    def history(self, tokens: Sequence[str]) -> list[IdentityEvent]:
        self._ask()
        return self.events if self.told_of & set(tokens) else []

    def kept(self, trace_ids: Sequence[str]) -> frozenset[str]:
        self._ask()
        return frozenset(span for trace, span in self.bodies if trace in trace_ids)

    def body(self, trace_id: str, span_id: str) -> tuple[str, str] | None:
        self._ask()
        return self.bodies.get((trace_id, span_id))

    def named(self, tokens: Sequence[str]) -> dict[str, Named]:
        self._ask()
        return {token: NAMED[token] for token in tokens if token in NAMED}

    def collisions(self, limit: int) -> list[Collision]:
        self._ask()
        return self.doubts[:limit]

    def blank_messages(self, collisions: Sequence[Collision]) -> list[BlankMessage]:
        self._ask()
        spans = {span for one in collisions if one.why == "blank" for span in one.evidence}
        return [BlankMessage(span, NOW, "ADT^A04", "ehr-adt", "ehr") for span in sorted(spans)]

    def decide(self, action: str, tokens: Sequence[str] | str, who: str, reason: str, now: datetime) -> str:
        self._ask()
        if tokens == "f" * 32:
            raise DecisionError("there is no such event")
        self.decisions.append((action, tokens, who, reason))
        return "e" * 32

    def lineage(self, journey: Journey) -> list[Arrow]:
        self._ask()
        hops = [hop.span_id for hop in journey.hops]
        said = (
            (0, 1, "control_id", 0.98, "the same control ID came in before"),
            (0, 2, "key", 0.78, "the same visit, a type that leads to it, 3 min before"),
            (
                0,
                3,
                "key",
                0.4,
                "the same account, a type that leads to it, 7 min before; one of 3 that could be",
            ),
        )
        return [
            Arrow(hops[cause], hops[effect], basis, confidence, evidence)  # type: ignore[arg-type]
            for cause, effect, basis, confidence, evidence in said
            if effect < len(hops)
        ]

    def explain(self, journey: Journey) -> Explanation:
        self._ask()
        link = Step(
            SEALER.token(ACCOUNT), "account", JOURNEY, "visit", NOW - timedelta(hours=2), "00f067aa0ba902b7",
            JOURNEY, "ehr-adt", "ADT^A01", "PID-18", "PV1-19",
        )  # fmt: skip
        return Explanation(
            {hop.token: [link] if hop.token else [] for hop in journey.hops}, {}, [], journey.keys
        )

    def outlines(self, journeys: Sequence[str], now: datetime) -> list[Outline]:
        whole = [found for each in journeys if (found := self.journey(each, now))]
        return [
            Outline(one.journey, one.certainty, one.trace_ids, len(one.hops), one.hops[0].at, one.workflows)
            for one in whole
        ]

    def search(
        self,
        tokens: Sequence[str],
        now: datetime,
        *,
        traces: Sequence[str] = (),
        control_ids: Sequence[str] = (),
        span_ids: Sequence[str] = (),
    ) -> list[Match]:
        self._ask()
        known = {SEALER.token(key): key for key in (VISIT, ACCOUNT)}
        found = [
            Match(token, JOURNEY, "certain", "key", known[token].kind, known[token].authority)
            for token in tokens
            if token in known
        ]
        found += [Match(trace, JOURNEY, "certain", "own", "trace_id") for trace in traces if trace == JOURNEY]
        asked = {*tokens, *traces, *control_ids, *span_ids}
        return found + [match for match in self.matches if match.asked in asked]

    def authorities(self) -> list[tuple[str, str]]:
        return [("visit", "NSH"), ("account", "NSH")]

    def interfaces(self, now: datetime) -> list[InterfaceRow]:
        self._ask()
        return self.lines

    def engines(self, now: datetime) -> list[EngineRow]:
        self._ask()
        return self.engine_rows

    def engine_history(
        self, engine: str, channel_id: str, connector_id: int, since: datetime, until: datetime
    ) -> list[Minute]:
        self._ask()
        known = {channel.channel_id for row in self.engine_rows for channel in row.channels}
        return [Minute(since, 1, 0, 1, 0, 12, "started", "")] if channel_id in known else []

    def executive(self, now: datetime, days: int) -> list[WorkflowKpi]:
        self._ask()
        return [kpi()]

    def objectives(self, now: datetime) -> list[ObjectiveStatus]:
        self._ask()
        return [objective()]

    def definitions(self) -> list[Definition]:
        self._ask()
        return [
            Definition("discharge-to-cash", 1, True, NOW - timedelta(days=30), "apiVersion: caretrail/v1\n")
        ]

    def record(self, looks: list[Look]) -> None:
        self._ask()
        self.looks.extend(looks)

    def audit_since(self, begin: datetime, after: str, limit: int) -> list[Entry]:
        self._ask()
        entries = [
            Entry(f"{number:08d}-0000-4000-8000-000000000000", look) for number, look in enumerate(self.looks)
        ]
        return [one for one in entries if one.look.at >= begin and one.id > after][:limit]

    def audited(self, limit: int) -> list[Look]:
        self._ask()
        return self.looks[:limit]

    def sql(self, statement: str) -> Result:
        self._ask()
        return Result(("answer",), [(42,)])

    def close(self) -> None:
        """Nothing to let go of."""

    def _ask(self) -> None:
        if self.away:
            raise StoreUnavailable("the store is away")


def _token(number: int) -> str:
    return SEALER.token(Key("visit", "NSH", f"V26{number:05d}"))
