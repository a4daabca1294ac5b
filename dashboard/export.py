"""The lists as CSV, with the filters of the page they come from.

Plain downloads behind the same session; called by `dashboard.app`.  Cells that a spreadsheet would run as a
formula are made text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from dashboard.auth import current_address, current_session
from dashboard.feed import Feed
from dashboard.pages import exceptions, executive, hops, interfaces, reconciliation
from dashboard.places import Guide
from dashboard.source import Source

_OPERATIONS = frozenset({"noc", "engineer"})
_EVERYBODY = frozenset({"noc", "engineer", "executive"})


def router(guide: Guide, feed: Feed, source: Source, days: int, now: Callable[[], datetime]) -> APIRouter:
    """The routes under `/export`."""
    routes = APIRouter(prefix="/export", include_in_schema=False)

    @routes.get("/exceptions.csv")
    async def exceptions_csv(request: Request) -> Response:
        _allow(_OPERATIONS)
        rows = await guide.rows(dict(request.query_params), now())
        session = current_session()
        assert session is not None
        await guide.record(
            session, "export", [row.journey for row in rows], current_address(), "exceptions list"
        )
        return _file("exceptions", exceptions.csv_rows(rows), now())

    @routes.get("/interfaces.csv")
    async def interfaces_csv() -> Response:
        _allow(_OPERATIONS)
        return _file("interfaces", interfaces.csv_rows(await feed.run(source.interfaces, now())), now())

    @routes.get("/executive.csv")
    async def executive_csv() -> Response:
        _allow(_EVERYBODY)
        return _file("executive", executive.csv_rows(await feed.run(source.executive, now(), days)), now())

    @routes.get("/reconciliation.csv")
    async def reconciliation_csv(request: Request) -> Response:
        _allow(_EVERYBODY)
        shot = await guide.reconciled(dict(request.query_params), 60.0)
        if shot.value is None:
            raise HTTPException(503, "the store does not answer now; try again", {"Retry-After": "2"})
        return _file("reconciliation", reconciliation.csv_rows(shot.value[0].reports), now())

    @routes.get("/encounter/{journey}.csv")
    async def encounter_csv(journey: str) -> Response:
        _allow(_OPERATIONS)
        found = await feed.run(source.journey, journey, now())
        if found is None:
            raise HTTPException(404, "nothing was seen of this journey")
        session = current_session()
        assert session is not None
        await guide.record(session, "export", [journey], current_address(), "hops")
        return _file(f"encounter-{journey[:8]}", hops.csv_rows(found), now())

    return routes


def _allow(roles: frozenset[str]) -> None:
    session = current_session()
    if session is None or not session.may(roles):
        raise HTTPException(403, "your role does not include this download")


def text(table: Sequence[Sequence[str]]) -> str:
    """CSV (RFC 4180) of a table whose first row is its header."""
    out = io.StringIO()
    csv.writer(out).writerows([[_harmless(cell) for cell in row] for row in table])
    return out.getvalue()


def _harmless(cell: str) -> str:
    """A leading = + - @ makes spreadsheets run a cell; numbers keep theirs."""
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        try:
            float(cell)
        except ValueError:
            return "'" + cell
    return cell


def _file(name: str, table: Sequence[Sequence[str]], now: datetime) -> Response:
    return Response(
        text(table),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="caretrail-{name}-{now:%Y%m%dT%H%M%SZ}.csv"'},
    )
