"""The numbers of the hospital in memory: tiles, executive figures, an objective, interfaces."""

from __future__ import annotations

import math
from datetime import date, timedelta

from dashboard.traffic import InterfaceRow
from slo import kpis
from slo.kpis import Figure, Incident, Mover, TrendPoint, WorkflowKpi
from slo.objectives import Burn, BurnWindow, Objective, ObjectiveStatus, Tally
from slo.workflows.rows import InstanceState, Tile
from tests.dashboard.fake_moment import NOW
from tracing.engines import ChannelRow, ConnectorRow, EngineRow


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
        next_due=NOW - timedelta(seconds=8040) if counts.get("overdue") else NOW + timedelta(hours=1),
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


def channel_row(name: str, interface: str, connection: str, queued: int, errored: int = 0) -> ChannelRow:
    """A channel of an engine, read four seconds ago."""
    since = NOW - timedelta(minutes=11) if connection == "disconnected" else None
    destination = ConnectorRow(
        1, f"to {name}", "destination", "started", connection, since, 900, 3, queued, 850, errored
    )
    return ChannelRow(
        channel_id=f"id-of-{name}",
        name=name,
        interface=interface,
        state="started",
        since=None,
        at=NOW - timedelta(seconds=4),
        fresh=True,
        received=900,
        filtered=3,
        queued=queued,
        sent=850,
        errored=errored,
        deepest_24h=queued + 7,
        received_1h=40,
        received_24h=900,
        filtered_24h=3,
        sent_24h=850,
        errored_1h=errored,
        errored_24h=errored,
        connectors=(destination,),
    )


def engine_row() -> EngineRow:
    """An engine with a channel that is fine, one that errs, and one that lost its connection."""
    channels = (
        channel_row("ADT in", "ehr-adt", "connected", 0),
        channel_row("ADT to billing", "billing-adt-dft", "disconnected", 1412),
        channel_row("Journals", "", "idle", 2, 5),
    )
    return EngineRow("oie", "up", None, NOW - timedelta(seconds=4), True, channels)
