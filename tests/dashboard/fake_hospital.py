"""A hospital in memory: everything the dashboard asks for, fixed to one moment, every state in it.

`FakeHospital` answers like `dashboard.source.Source`; fields may be changed by a test to see the page follow.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from dashboard.audit import Look
from dashboard.source import Definition
from dashboard.traffic import InterfaceRow
from slo import kpis
from slo.kpis import Figure, Incident, Mover, TrendPoint, WorkflowKpi
from slo.objectives import Burn, BurnWindow, Objective, ObjectiveStatus, Tally
from slo.workflows.rows import (
    Found,
    Hop,
    InstanceRow,
    InstanceState,
    Journey,
    SealedKey,
    StepRow,
    StepState,
    Tile,
)
from tracing.context import SiteKey
from tracing.keys import Key, Sealer
from tracing.store import Result, StoreUnavailable

NOW = datetime(2026, 3, 10, 18, 2, 7, tzinfo=UTC)
SITE_KEY = SiteKey(bytes(range(32)))
SEALER = Sealer(SITE_KEY)
VISIT = Key("visit", "NSH", "V2600041")
ACCOUNT = Key("account", "NSH", "A7700123")
JOURNEY = SEALER.token(VISIT)
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


def tile(
    name: str, title: str, owner: str, counts: dict[str, int], on_time: float | None, usual: float
) -> Tile:
    """A tile with every state counted."""
    known: dict[InstanceState, int] = {
        "failed": 0,
        "overdue": 0,
        "at_risk": 0,
        "on_track": 0,
        "completed_late": 0,
        "completed": 0,
        "cancelled": 0,
    }
    for code in known:
        known[code] = counts.get(code, 0)
    spark: list[float | None] = [
        None if hour in (3, 4) else min(1.0, usual + 0.01 * math.sin(hour)) for hour in range(23)
    ]
    return Tile(
        workflow=name,
        title=title,
        owner=owner,
        criticality="high",
        counts=known,
        oldest_overdue_s=8040.0 if counts.get("overdue") else None,
        on_time_24h=on_time,
        usual=usual,
        spark=[*spark, on_time],
        started_24h=sum(counts.values()),
        target=0.98,
        computed_at=NOW,
    )


def _figure(
    name: str,
    title: str,
    unit: kpis.model.Unit,
    better: kpis.model.Better,
    values: list[float],
    **more: float,
) -> Figure:
    days = [date(2026, 2, 9) + timedelta(days=number) for number in range(30)]
    trend = tuple(
        TrendPoint(
            day, values[0] + (values[1] - values[0]) * index / 29 + math.sin(index * 1.7) * more["swing"], 40
        )
        for index, day in enumerate(days)
    )
    return Figure(
        name=name,
        title=title,
        unit=unit,
        better=better,
        value=values[1],
        previous=values[0],
        count=1204,
        previous_count=1177,
        target=more.get("target"),
        trend=trend,
        sentence="This is the sentence that says it in words.",
        definition=kpis.Definition(
            "What the number means, in one sentence.", "good / (good + bad)", f"{name}.sql"
        ),
    )


def kpi() -> WorkflowKpi:
    """Six numbers, one of them short of its target, two incidents, movers in both directions."""
    first = NOW - timedelta(days=3)
    return WorkflowKpi(
        workflow="discharge-to-cash",
        title="Discharge to cash",
        owner="Revenue cycle",
        since=NOW - timedelta(days=30),
        until=NOW,
        on_time=_figure(
            "on_time", "Discharges on time", "ratio", "higher", [0.962, 0.974], swing=0.008, target=0.98
        ),
        cycle_median=_figure(
            "cycle_median", "Discharge to claim, median", "seconds", "lower", [97000, 93600], swing=4000
        ),
        cycle_p90=_figure(
            "cycle_p90", "Discharge to claim, p90", "seconds", "lower", [201000, 208800], swing=9000
        ),
        incidents=_figure("incidents", "Incidents", "count", "lower", [5, 2], swing=0.4),
        longest_incident=_figure(
            "longest_incident", "Longest incident", "seconds", "lower", [7200, 4320], swing=600
        ),
        affected=_figure("affected", "Encounters affected", "count", "lower", [61, 24], swing=3),
        incident_list=(
            Incident(first, first + timedelta(hours=1, minutes=12), 17, "ERP posted"),
            Incident(
                first - timedelta(days=8),
                first - timedelta(days=8) + timedelta(minutes=30),
                7,
                "billing ready",
            ),
        ),
        movers=(
            Mover(
                "step",
                "ERP posted",
                "worse",
                0.961,
                0.984,
                1204,
                1177,
                "ERP posted: 96.1 % in time, was 98.4 %.",
            ),
            Mover(
                "facility",
                "NSH-NORTH",
                "better",
                0.991,
                0.958,
                402,
                390,
                "NSH-NORTH: 99.1 % in time, was 95.8 %.",
            ),
        ),
        movers_definition=kpis.Definition("Moved by more than chance explains.", "z > 2", "movers.sql"),
    )


def objective() -> ObjectiveStatus:
    """An objective that burns its budget."""
    window = BurnWindow("page", 14.4, timedelta(hours=1), timedelta(minutes=5), 5)
    return ObjectiveStatus(
        objective=Objective(
            "discharge-on-time",
            "Discharges reach billing and ERP in time",
            "discharge-to-cash",
            "",
            "discharge-to-cash",
            "",
            0.98,
            timedelta(days=30),
        ),
        at=NOW,
        state="burning",
        reason="The last hour burned 15.2 times faster than the budget allows.",
        tally=Tally(1173, 31, 4),
        rate=0.9743,
        budget_events=24.1,
        budget_remaining=0.37,
        burns=(Burn(window, 15.2, 16.0, 12, True),),
        exhausted_at=NOW + timedelta(days=2),
        last_event=NOW,
    )


def line(
    name: str, source: str, destination: str, state: str, rate: float, errors: float, silent_s: float
) -> InterfaceRow:
    """An interface as the catalogue knows it."""
    return InterfaceRow(
        name=name,
        source=source,
        destination=destination,
        protocol="http" if "erp" in name else "x12" if "claims" in name else "hl7v2",
        messages=("ADT^A01", "ADT^A03") if "adt" in name else (),
        last_seen=NOW - timedelta(seconds=silent_s),
        rate=rate,
        usual=38.0 if rate > 5 else 4.2,
        error_rate=errors,
        latency_p50_ms=18.0,
        latency_p90_ms=47.0,
        latency_p99_ms=212.0,
        messages_24h=51240,
        errors_24h=int(51240 * errors),
        state=state,
    )


class FakeHospital:
    """Implements `Source`. away: every question fails like a store that is down; looks: what was recorded."""

    def __init__(self, workflows: int = 3) -> None:
        everywhere = {"failed": 3, "overdue": 12, "at_risk": 4, "on_track": 214, "completed": 322}
        self.away = False
        self.looks: list[Look] = []
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

    def tiles(self, now: datetime) -> list[Tile]:
        self._ask()
        return self.tile_list

    def attention(
        self, now: datetime, limit: int, workflow: str | None, facility: str | None
    ) -> list[InstanceRow]:
        self._ask()
        rows = [
            row for row in self.rows if workflow in (None, row.workflow) and facility in (None, row.facility)
        ]
        return rows[:limit]

    def instances(
        self, workflow: str, now: datetime, state: InstanceState | None, limit: int
    ) -> list[InstanceRow]:
        self._ask()
        return [row for row in self.rows if row.workflow == workflow and state in (None, row.state)][:limit]

    def journey(self, asked: str, now: datetime) -> Journey | None:
        self._ask()
        if asked == JOURNEY or asked in {row.journey for row in self.rows}:
            ago = timedelta(minutes=90 if self.state == "overdue" else 42)
            return replace(journey(self.state, ago), journey=asked)
        return None

    def sentence(self, journey: Journey, now: datetime) -> str:
        return (
            "Reached billing 3 minutes after discharge; the ERP refused the journal at 13:27 "
            "(422, cost centre unknown) and nothing came after."
        )

    def find(self, tokens: list[str]) -> list[Found]:
        self._ask()
        known = {SEALER.token(key): key.kind for key in (VISIT, ACCOUNT)}
        return [Found(JOURNEY, "certain", token, known[token]) for token in tokens if token in known]

    def authorities(self) -> list[tuple[str, str]]:
        return [("visit", "NSH"), ("account", "NSH")]

    def interfaces(self, now: datetime) -> list[InterfaceRow]:
        self._ask()
        return self.lines

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
