"""REST under `/api/v1`, fixed from the start so that others can build on it.

Called by `dashboard.app`, behind the same door as the pages (bearer token or session). Searches are in
`dashboard.searching`. An identifier must never be in an address.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from dashboard.audit import Look
from dashboard.auth import Session, current_address, current_session
from dashboard.feed import Feed
from dashboard.source import Source
from slo.workflows.rows import InstanceRow, InstanceState

OPERATIONS = frozenset({"noc", "engineer"})
_READS = re.compile(r"\s*(select|with|show|describe|desc|explain|exists)\b", re.IGNORECASE)
# Functions that leave the database for files or other hosts, even in a SELECT.
_LEAVES = re.compile(
    r"\b(file|url|s3|gcs|hdfs|remote|remoteSecure|mysql|postgresql|mongodb|redis|sqlite|jdbc|odbc|executable|input"
    r"|python|iceberg\w*|deltaLake\w*|hudi\w*|azureBlobStorage\w*|\w+Cluster)\s*\(|\binto\s+outfile\b",
    re.IGNORECASE,
)
# What may hold any text: strings, quoted names, comments. A name is kept as §: a function may be quoted.
_QUOTED = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL
)
# A quoted function, or a heredoc, which would hide the rest from the rules above.
_HIDDEN = re.compile(r"§\s*\(|\$\w*\$|'")
_ROWS = 10_000


class Model(BaseModel):
    """Answers are closed: a field is there because it is promised."""

    model_config = ConfigDict(extra="forbid")


class StepAnswer(Model):
    """One step of one instance."""

    name: str
    state: str
    at: datetime | None
    deadline: datetime | None


class WorkflowAnswer(Model):
    """A workflow and its counts; shares are 0 to 1, null when nothing was decided."""

    name: str
    title: str
    owner: str
    criticality: str
    counts: dict[str, int]
    oldest_overdue_s: float | None
    on_time_24h: float | None
    usual: float | None
    started_24h: int


class WorkflowsAnswer(Model):
    """Every active workflow."""

    workflows: list[WorkflowAnswer]


class InstanceAnswer(Model):
    """One occurrence of a workflow for one journey, or one `item` (token) of it.

    late_s: seconds past the worst open step's deadline.  severity, chance (0 to 1, of chance_of alike) are of
    that step; cost is what delays have cost by the workflow's own figures.
    """

    journey: str
    item: str
    version: int
    occurrence: int
    state: str
    certainty: str
    started_at: datetime
    facility: str
    step: str
    deadline: datetime | None
    late_s: float | None
    reason: str
    owner: str
    severity: str
    cost: float
    chance: float | None
    chance_of: int
    steps: list[StepAnswer]


class InstancesAnswer(Model):
    """Instances, worst first; `at` is the moment they were judged at."""

    workflow: str
    at: datetime
    instances: list[InstanceAnswer]


class InterfaceAnswer(Model):
    """One interface as known from traffic; rates per minute, shares 0 to 1, latency in milliseconds.

    `clock_ahead_ms`: how far its tap's clock is ahead of the collector's, null when the tap never said.
    """

    name: str
    source: str
    destination: str
    protocol: str
    messages: list[str]
    state: str
    last_seen: datetime | None
    rate: float
    usual: float | None
    error_rate: float | None
    latency_p50_ms: float | None
    latency_p90_ms: float | None
    latency_p99_ms: float | None
    messages_24h: int
    errors_24h: int
    clock_ahead_ms: int | None


class InterfacesAnswer(Model):
    """Every interface seen in the last week."""

    at: datetime
    interfaces: list[InterfaceAnswer]


class SqlRequest(Model):
    """One reading statement."""

    sql: str = Field(min_length=1, max_length=100_000)


class SqlAnswer(Model):
    """Columns and rows; `truncated` when there were more than the limit."""

    names: list[str]
    rows: list[list[Any]]
    truncated: bool


def router(source: Source, feed: Feed, now: Callable[[], datetime]) -> APIRouter:
    """The routes; each may raise StoreError, which `dashboard.app` turns into 503 or 400."""
    routes = APIRouter(prefix="/api/v1", tags=["caretrail"])

    @routes.get("/workflows")
    async def list_workflows() -> WorkflowsAnswer:
        """Every active workflow with its counts, as the board shows them."""
        allowed(OPERATIONS | {"executive"})
        tiles = await feed.run(source.tiles, now())
        return WorkflowsAnswer(
            workflows=[
                WorkflowAnswer(
                    name=tile.workflow,
                    title=tile.title,
                    owner=tile.owner,
                    criticality=tile.criticality,
                    counts=dict(tile.counts),
                    oldest_overdue_s=tile.oldest_overdue_s,
                    on_time_24h=tile.on_time_24h,
                    usual=tile.usual,
                    started_24h=tile.started_24h,
                )
                for tile in tiles
            ]
        )

    @routes.get("/workflows/{name}/instances")
    async def list_instances(
        name: str, state: InstanceState | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> InstancesAnswer:
        """Instances of one workflow, judged now."""
        session = allowed(OPERATIONS)
        at, where_from = now(), current_address()

        def ask() -> list[InstanceRow] | None:
            if name not in {tile.workflow for tile in source.tiles(at)}:
                return None
            rows = source.instances(name, at, state, limit)
            if session.who != "api":
                # A program polls; a person reading patients one by one is what the audit is about.
                looks = [
                    Look(at, session.who, session.role, "list", row.journey, name, where_from) for row in rows
                ]
                source.record(looks)
            return rows

        rows = await feed.run(ask)
        if rows is None:
            raise HTTPException(
                404, "there is no active workflow of this name; GET /api/v1/workflows lists them"
            )
        return InstancesAnswer(workflow=name, at=at, instances=[_instance(row) for row in rows])

    @routes.get("/interfaces")
    async def list_interfaces() -> InterfacesAnswer:
        """Every interface: traffic against usual, errors, latency, last seen."""
        allowed(OPERATIONS)
        at = now()
        rows = await feed.run(source.interfaces, at)
        return InterfacesAnswer(
            at=at,
            interfaces=[
                InterfaceAnswer(
                    name=row.name,
                    source=row.source,
                    destination=row.destination,
                    protocol=row.protocol,
                    messages=list(row.messages),
                    state=row.state,
                    last_seen=row.last_seen,
                    rate=row.rate,
                    usual=row.usual,
                    error_rate=row.error_rate,
                    latency_p50_ms=row.latency_p50_ms,
                    latency_p90_ms=row.latency_p90_ms,
                    latency_p99_ms=row.latency_p99_ms,
                    messages_24h=row.messages_24h,
                    errors_24h=row.errors_24h,
                    clock_ahead_ms=row.clock.offset_ms if row.clock else None,
                )
                for row in rows
            ],
        )

    @routes.post("/sql")
    async def read_sql(request: SqlRequest) -> SqlAnswer:
        """One statement that only reads; at most 10,000 rows come back.  Administrators only."""
        allowed(frozenset())
        statement = reading(request.sql)
        result = await feed.run(source.sql, statement)
        return SqlAnswer(
            names=list(result.names),
            rows=[list(row) for row in result.rows[:_ROWS]],
            truncated=len(result.rows) > _ROWS,
        )

    return routes


def reading(sql: str) -> str:
    """The statement without its final semicolon; raises HTTPException 400 unless it only reads, from here.

    Literals and comments are left out before words are looked for, so that a value may spell them.
    """
    statement = sql.strip().rstrip(";").strip()
    bare = _QUOTED.sub(lambda found: "§" if found[0][0] in '`"' else " ", statement)
    if not _READS.match(bare) or ";" in bare:
        raise HTTPException(
            400, "only one statement that reads: SELECT, WITH, SHOW, DESCRIBE, EXPLAIN, EXISTS"
        )
    if _LEAVES.search(bare) or _HIDDEN.search(bare):
        raise HTTPException(
            400, "table functions that leave the database, and INTO OUTFILE, are not allowed here"
        )
    return statement


def allowed(roles: frozenset[str]) -> Session:
    session = current_session()
    if session is None or not session.may(roles):
        raise HTTPException(403, "your role does not include this")
    return session


def steps(row: InstanceRow) -> list[StepAnswer]:
    """The steps of an instance."""
    return [
        StepAnswer(name=step.name, state=step.state, at=step.at, deadline=step.deadline) for step in row.steps
    ]


def _instance(row: InstanceRow) -> InstanceAnswer:
    return InstanceAnswer(
        journey=row.journey,
        item=row.item,
        version=row.version,
        occurrence=row.occurrence,
        state=row.state,
        certainty=row.certainty,
        started_at=row.started_at,
        facility=row.facility,
        step=row.step,
        deadline=row.deadline,
        late_s=row.late_s,
        reason=row.reason,
        owner=row.owner,
        severity=row.severity,
        cost=row.cost,
        chance=row.chance,
        chance_of=row.chance_of,
        steps=steps(row),
    )
