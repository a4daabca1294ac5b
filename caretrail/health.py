"""Routes of a running core that belong to no page: alive, ready, metrics, the doctor's report, a new link.

Served by the dashboard's application. `/healthz`, `/readyz` and `/metrics` need no session and name nothing
of any message; the others need the API token.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from caretrail import report
from collector.receiver import Metrics
from collector.receiver.metrics import CONTENT_TYPE
from dashboard import Check, Gate
from dashboard.api import allowed
from tracing import clocks
from tracing.store import Store, StoreError, load_sql

if TYPE_CHECKING:
    from caretrail.core import Core


class Health:
    """Looks at one core. `probe` is a store handle of its own, asked by one thread at a time."""

    def __init__(self, core: Core, probe: Store) -> None:
        self._core = core
        self._probe = probe
        self._asking = threading.Lock()

    def checks(self) -> list[Check]:
        """The doctor's report, worst first."""
        core = self._core
        return report.checks(
            core.wal.status() if core.wal else None,
            core.writer.status() if core.writer else None,
            [loop.status for loop in core.loops],
            *self._ask(now := datetime.now(UTC)),
            now,
            self._clocks(now),
        )

    def backlog(self) -> dict[str, Any]:
        """How much is accepted but not yet judged: bytes in the log, and when each loop last ended a step."""
        core = self._core
        return {
            "log_bytes": core.wal.status().pending_bytes if core.wal else 0,
            "loops": {
                loop.status.name: loop.status.last_step.isoformat() if loop.status.last_step else None
                for loop in core.loops
            },
        }

    def _clocks(self, now: datetime) -> list[clocks.ClockRow]:
        with self._asking:
            try:
                return clocks.offsets(self._probe, now)
            except StoreError:
                return []

    def _ask(self, now: datetime) -> tuple[str, list[report.TapWord]]:
        with self._asking:
            try:
                spans, size = self._probe.query(_SIZE).rows[0]
                taps = self._probe.query(load_sql("caretrail", "tap_status.sql"), {"now": now}).rows
            except StoreError:
                return "", []
        engine = self._probe.capabilities
        told = f"{engine.engine} {engine.version}, {spans:,} spans, {size / 1e6:,.1f} MB on disk"
        return told, [report.TapWord(*row) for row in taps]


_SIZE = """
SELECT sumIf(rows, table = 'spans'), sum(bytes_on_disk)
FROM system.parts WHERE active AND database = currentDatabase()
"""


def router(health: Health, counters: Metrics) -> APIRouter:
    """Health for people and machines."""
    routes = APIRouter()

    @routes.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return PlainTextResponse("alive\n")

    @routes.get("/readyz", include_in_schema=False)
    def readyz() -> Response:
        return JSONResponse(health.backlog())

    @routes.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        core = health._core
        page = counters.render(core.wal, core.writer) if core.wal else ""
        return PlainTextResponse(page, media_type=CONTENT_TYPE)

    @routes.get("/api/v1/doctor", tags=["caretrail"])
    def doctor() -> dict[str, list[Check]]:
        """What `caretrail doctor` prints. Administrators only."""
        allowed(frozenset())
        return {"checks": health.checks()}

    return routes


def login_router(gate: Gate, base_url: str) -> APIRouter:
    """New one-time links."""
    routes = APIRouter()

    @routes.post("/api/v1/login", tags=["caretrail"])
    def login() -> dict[str, str]:
        """A link that lets its bearer in once. Administrators only."""
        allowed(frozenset())
        return {"link": f"{base_url.rstrip('/')}/?token={gate.mint()}"}

    return routes
