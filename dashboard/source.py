"""What the dashboard asks, as one protocol, and its answer from a real store.

Pages and the REST interface see `Source` only, so that a test can show a hospital without a database.  All
calls block; `dashboard.feed` runs them on its threads, and each thread gets its own handle here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

from dashboard import audit, traffic, wording
from dashboard.workbench import StoreWorkbench, Workbench
from slo import kpis, objectives
from slo.kpis import WorkflowKpi
from slo.objectives import ObjectiveStatus
from slo.workflows import read
from slo.workflows.explain import Explanation, explain
from slo.workflows.rows import InstanceRow, InstanceState, Journey, Outline, Tile
from slo.workflows.search import Match
from tracing import engines
from tracing.engines import EngineRow, Minute
from tracing.identity import decisions
from tracing.identity import read as identity
from tracing.identity.read import Collision, IdentityEvent
from tracing.lineage import Arrow
from tracing.lineage import read as lineage
from tracing.store import Result, Store, load_sql

T = TypeVar("T")

NOT_AHEAD = timedelta()
#: Threads that ask something beside those that wait for an answer.
_OTHERS = 4
_ENDS_AGE_S = 60.0


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a workflow as its author wrote it."""

    name: str
    version: int
    active: bool
    activated_at: datetime
    yaml: str


class Named(NamedTuple):
    """A key by its token, and where it belongs; certainty and basis as `tracing.identity.model.Place`."""

    token: str
    kind: str
    authority: str
    sealed: str
    journey: str = ""
    certainty: str = ""
    basis: str = ""


class BlankMessage(NamedTuple):
    """A message that carried a number that is none."""

    span_id: str
    at: datetime
    message: str
    interface: str
    source: str


class Watched(Protocol):
    """Whoever needs somebody, at any moment that was looked ahead to."""

    def rows(self, now: datetime) -> list[InstanceRow]: ...


class Source(Protocol):
    """Every question the pages and the REST interface ask; all raise tracing.store.StoreError."""

    @property
    def workbench(self) -> Workbench: ...

    def tiles(self, now: datetime, ahead: timedelta = NOT_AHEAD) -> Sequence[Tile]: ...

    def watched(
        self,
        now: datetime,
        limit: int,
        workflow: str | None,
        facility: str | None,
        ahead: timedelta = NOT_AHEAD,
        states: Sequence[InstanceState] = read.NEEDS_SOMEBODY,
        fresh: timedelta = read.EVER,
    ) -> Watched: ...

    def facilities(self) -> list[str]: ...

    def instances(
        self, workflow: str, now: datetime, state: InstanceState | None, limit: int
    ) -> list[InstanceRow]: ...

    def journey(self, journey: str, now: datetime) -> Journey | None: ...

    def sentence(self, journey: Journey, now: datetime) -> str: ...

    def lineage(self, journey: Journey) -> Sequence[Arrow]: ...

    def history(self, tokens: Sequence[str]) -> list[IdentityEvent]: ...

    def named(self, tokens: Sequence[str]) -> dict[str, Named]: ...

    def kept(self, trace_ids: Sequence[str]) -> frozenset[str]: ...

    def body(self, trace_id: str, span_id: str) -> tuple[str, str] | None: ...

    def collisions(self, limit: int) -> list[Collision]: ...

    def blank_messages(self, collisions: Sequence[Collision]) -> list[BlankMessage]: ...

    def decide(
        self, action: str, tokens: Sequence[str] | str, who: str, reason: str, now: datetime
    ) -> str: ...

    def outlines(self, journeys: Sequence[str], now: datetime) -> list[Outline]: ...

    def explain(self, journey: Journey) -> Explanation: ...

    def search(
        self,
        tokens: Sequence[str],
        now: datetime,
        *,
        traces: Sequence[str] = (),
        control_ids: Sequence[str] = (),
        span_ids: Sequence[str] = (),
    ) -> list[Match]: ...

    def authorities(self) -> list[tuple[str, str]]: ...

    def interfaces(self, now: datetime) -> list[traffic.InterfaceRow]: ...

    def engines(self, now: datetime) -> Sequence[EngineRow]: ...

    def engine_history(
        self, engine: str, channel_id: str, connector_id: int, since: datetime, until: datetime
    ) -> Sequence[Minute]: ...

    def executive(self, now: datetime, days: int) -> Sequence[WorkflowKpi]: ...

    def objectives(self, now: datetime) -> Sequence[ObjectiveStatus]: ...

    def definitions(self) -> list[Definition]: ...

    def record(self, looks: list[audit.Look]) -> None: ...

    def audited(self, limit: int) -> list[audit.Look]: ...

    def audit_since(self, begin: datetime, after: str, limit: int) -> list[audit.Entry]: ...

    def sql(self, statement: str) -> Result: ...

    def close(self) -> None: ...


class StoreSource:
    """`Source` over a store: a handle per thread, closed together by `close`. zone: of times in sentences."""

    def __init__(self, store: Store, zone: str = "UTC") -> None:
        self._zone = zone
        self._store = store
        self._local = threading.local()
        self._handles: list[Store] = []
        self._lock = threading.Lock()
        self._others = ThreadPoolExecutor(_OTHERS, thread_name_prefix="beside")
        self._ends: tuple[float, dict[str, traffic.Endpoints]] | None = None
        self._workbench = StoreWorkbench(self._handle, zone)

    @property
    def workbench(self) -> Workbench:
        return self._workbench

    def tiles(self, now: datetime, ahead: timedelta = NOT_AHEAD) -> Sequence[Tile]:
        return read.tiles(self._handle(), now, ahead)

    def watched(
        self,
        now: datetime,
        limit: int,
        workflow: str | None,
        facility: str | None,
        ahead: timedelta = NOT_AHEAD,
        states: Sequence[InstanceState] = read.NEEDS_SOMEBODY,
        fresh: timedelta = read.EVER,
    ) -> Watched:
        return read.watched(self._handle(), now, limit, workflow, facility, ahead, states, fresh)

    def facilities(self) -> list[str]:
        return read.facilities(self._handle())

    def instances(
        self, workflow: str, now: datetime, state: InstanceState | None, limit: int
    ) -> list[InstanceRow]:
        return read.instances(self._handle(), workflow, now, state=state, limit=limit)

    def journey(self, journey: str, now: datetime) -> Journey | None:
        return read.journey(self._handle(), journey, now, self._beside)

    def sentence(self, journey: Journey, now: datetime) -> str:
        sentence = read.summary_sentence(journey, now, self._zone)
        for code in {hop.reason for hop in journey.hops if "_" in hop.reason}:
            sentence = sentence.replace(code, wording.phrase(code))
        return sentence

    def history(self, tokens: Sequence[str]) -> list[IdentityEvent]:
        return identity.history(self._handle(), tokens)

    def named(self, tokens: Sequence[str]) -> dict[str, Named]:
        wanted = {"tokens": sorted(set(tokens))}
        result = self._handle().query(load_sql("dashboard.sql", "named.sql"), wanted)
        return {row[0]: Named(*row) for row in result.rows}

    def kept(self, trace_ids: Sequence[str]) -> frozenset[str]:
        """Span IDs of messages that were kept, sealed."""
        wanted = {"traces": sorted(set(trace_ids))}
        return frozenset(
            span for (span,) in self._handle().query(load_sql("dashboard.sql", "kept.sql"), wanted).rows
        )

    def body(self, trace_id: str, span_id: str) -> tuple[str, str] | None:
        """A message and its answer, sealed; None when none was kept."""
        wanted = {"trace": trace_id, "span": span_id}
        rows = self._handle().query(load_sql("dashboard.sql", "body.sql"), wanted).rows
        return (rows[0][0], rows[0][1]) if rows else None

    def collisions(self, limit: int) -> list[Collision]:
        return identity.collisions(self._handle(), limit=limit)

    def blank_messages(self, collisions: Sequence[Collision]) -> list[BlankMessage]:
        blank = [one for one in collisions if one.why == "blank"]
        spans = sorted({span for one in blank for span in one.evidence})
        if not spans:
            return []
        result = self._handle().query(load_sql("dashboard.sql", "blank_messages.sql"), {"spans": spans})
        return [BlankMessage(*row) for row in result.rows]

    def decide(self, action: str, tokens: Sequence[str] | str, who: str, reason: str, now: datetime) -> str:
        return decisions.decide(self._handle(), action, tokens, who, reason, now)

    def lineage(self, journey: Journey) -> Sequence[Arrow]:
        return lineage.lineage(self._handle(), journey.trace_ids, (hop.span_id for hop in journey.hops))

    def outlines(self, journeys: Sequence[str], now: datetime) -> list[Outline]:
        return read.outlines(self._handle(), journeys, now, self._beside)

    def explain(self, journey: Journey) -> Explanation:
        return explain(self._handle(), journey)

    def search(
        self,
        tokens: Sequence[str],
        now: datetime,
        *,
        traces: Sequence[str] = (),
        control_ids: Sequence[str] = (),
        span_ids: Sequence[str] = (),
    ) -> list[Match]:
        return read.search(
            self._handle(),
            tokens,
            now,
            traces=traces,
            control_ids=control_ids,
            span_ids=span_ids,
            beside=self._beside,
        )

    def authorities(self) -> list[tuple[str, str]]:
        return read.authorities(self._handle())

    def interfaces(self, now: datetime) -> list[traffic.InterfaceRow]:
        ends = self._ends
        if ends is None or time.monotonic() - ends[0] > _ENDS_AGE_S:
            ends = (time.monotonic(), traffic.endpoints(self._handle(), now))
            self._ends = ends
        return traffic.interfaces(self._handle(), now, ends[1])

    def engines(self, now: datetime) -> Sequence[EngineRow]:
        return engines.engines(self._handle(), now)

    def engine_history(
        self, engine: str, channel_id: str, connector_id: int, since: datetime, until: datetime
    ) -> Sequence[Minute]:
        return engines.history(self._handle(), engine, channel_id, connector_id, since, until)

    def executive(self, now: datetime, days: int) -> Sequence[WorkflowKpi]:
        return kpis.executive(self._handle(), now, days=days)

    def objectives(self, now: datetime) -> Sequence[ObjectiveStatus]:
        return objectives.status(self._handle(), now)

    def definitions(self) -> list[Definition]:
        result = self._handle().query(load_sql("dashboard.sql", "definitions.sql"))
        return [
            Definition(name, version, bool(active), at, yaml)
            for name, version, active, at, yaml in result.rows
        ]

    def record(self, looks: list[audit.Look]) -> None:
        audit.record(self._handle(), looks)

    def audited(self, limit: int) -> list[audit.Look]:
        return audit.recent(self._handle(), limit)

    def audit_since(self, begin: datetime, after: str, limit: int) -> list[audit.Entry]:
        return audit.since(self._handle(), begin, after, limit)

    def sql(self, statement: str) -> Result:
        reader: Store | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = self._store.reader()
            with self._lock:
                self._handles.append(reader)
        return reader.query(statement)

    def close(self) -> None:
        self._others.shutdown(cancel_futures=True)
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()

    def _beside(self, ask: Callable[[Store], T], /) -> Callable[[], T]:
        return self._others.submit(lambda: ask(self._handle())).result

    def _handle(self) -> Store:
        mine: Store | None = getattr(self._local, "handle", None)
        if mine is None:
            mine = self._store.handle()
            self._local.handle = mine
            with self._lock:
                self._handles.append(mine)
        return mine
