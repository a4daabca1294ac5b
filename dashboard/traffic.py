"""What is known of each interface: traffic against usual, errors, latency, silence.

Called by `dashboard.source`; the page and the REST interface show its rows.  A judgement of silence needs a
usual rate: an interface that usually carries little is never called silent for a short pause.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from tracing import clocks
from tracing.clocks import ClockRow
from tracing.store import Store, load_sql

# Silent means: so long nothing that, at the usual rate, e**-7 (one in a thousand) would pass so by chance;
# never before ten minutes, because live walls must not cry about pauses that clear by themselves.
_SURPRISE = 7.0
_SHORTEST_SILENCE = timedelta(minutes=10)
_ERRORS_AT_RISK = 0.02
_ERRORS_FAILED = 0.2


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The two ends of an interface, its protocol and up to twelve message types it carried today."""

    source: str
    destination: str
    protocol: str
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """One interface. Rates are messages per minute; shares 0 to 1; latency in milliseconds; None: no data.

    state: on_track, at_risk (errors above 2 %), failed (above 20 %), silent, or unknown (no traffic in a
    day). clock: how far its tap's clock is off; None: the tap never said.
    """

    name: str
    source: str
    destination: str
    protocol: str
    messages: tuple[str, ...]
    last_seen: datetime | None
    rate: float
    usual: float | None
    error_rate: float | None
    latency_p50_ms: float | None
    latency_p90_ms: float | None
    latency_p99_ms: float | None
    messages_24h: int
    errors_24h: int
    state: str
    clock: ClockRow | None = None


def judge(
    last_seen: datetime | None, usual: float | None, error_rate: float | None, day: int, now: datetime
) -> str:
    """The state of an interface from what was seen of it; unknown is never green."""
    if last_seen is None or (day == 0 and not usual):
        return "unknown"
    if usual:
        patience = max(_SHORTEST_SILENCE, timedelta(minutes=_SURPRISE / usual))
        if now - last_seen > patience:
            return "silent"
    if error_rate is not None and error_rate >= _ERRORS_FAILED:
        return "failed"
    if error_rate is not None and error_rate >= _ERRORS_AT_RISK:
        return "at_risk"
    return "on_track"


def endpoints(store: Store, now: datetime) -> dict[str, Endpoints]:
    """By interface name, from the spans of the last day; raises StoreError."""
    result = store.query(load_sql("dashboard.sql", "endpoints.sql"), {"since": now - timedelta(days=1)})
    return {
        str(name): Endpoints(str(source), str(destination), str(protocol), tuple(map(str, messages)))
        for name, source, destination, protocol, messages in result.rows
    }


def interfaces(store: Store, now: datetime, ends: dict[str, Endpoints]) -> list[InterfaceRow]:
    """Every interface seen in the last week, by name; raises StoreError."""
    whole = now.replace(microsecond=0)
    result = store.query(
        load_sql("dashboard.sql", "interfaces.sql"), {"now": whole, "week_ago": whole - timedelta(days=7)}
    )
    offsets = {row.interface: row for row in clocks.offsets(store, now)}
    nowhere = Endpoints("", "", "", ())
    rows = []
    for name, seen, rate, usual, hour, refused_hour, day, refused_day, latencies in result.rows:
        known = ends.get(str(name), nowhere)
        usual_rate = float(usual) or None
        error_rate = _share(refused_hour, hour) if hour else _share(refused_day, day)
        p50, p90, p99 = (_finite(value) for value in latencies)
        rows.append(
            InterfaceRow(
                name=str(name),
                source=known.source,
                destination=known.destination,
                protocol=known.protocol,
                messages=known.messages,
                last_seen=seen,
                rate=float(rate),
                usual=usual_rate,
                error_rate=error_rate,
                latency_p50_ms=p50,
                latency_p90_ms=p90,
                latency_p99_ms=p99,
                messages_24h=int(day),
                errors_24h=int(refused_day),
                state=judge(seen, usual_rate, error_rate, int(day), now),
                clock=offsets.get(str(name)),
            )
        )
    return rows


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
