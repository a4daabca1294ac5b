"""`GET /api/v1/engines`: what integration engines count themselves, now and minute by minute.

Called by `dashboard.app`. Nothing of a message is in it. Every answer says when it was true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from dashboard.api import OPERATIONS, Model, allowed
from dashboard.feed import Feed
from dashboard.source import Source
from tracing.engines import CHANNEL


class ConnectorAnswer(Model):
    """A source or destination. `since`: state and connection are older than that; null: than a day."""

    connector_id: int
    name: str
    kind: str
    state: str
    connection: str
    since: datetime | None
    received: int
    filtered: int
    queued: int
    sent: int
    errored: int


class ChannelAnswer(Model):
    """A channel: totals since they were cleared, and what was added in the last hour and day."""

    channel_id: str
    name: str
    interface: str
    state: str
    since: datetime | None
    at: datetime
    fresh: bool
    received: int
    filtered: int
    queued: int
    sent: int
    errored: int
    deepest_24h: int
    received_1h: int
    received_24h: int
    filtered_24h: int
    sent_24h: int
    errored_1h: int
    errored_24h: int
    connectors: list[ConnectorAnswer]


class EngineAnswer(Model):
    """An engine: up, away or refused, since when, and when it was read last."""

    name: str
    state: str
    since: datetime | None
    at: datetime
    fresh: bool
    channels: list[ChannelAnswer]


class EnginesAnswer(Model):
    """Every engine that was read in the last day."""

    at: datetime
    engines: list[EngineAnswer]


class MinuteAnswer(Model):
    """Totals at the end of a minute, and the deepest queue in it."""

    minute: datetime
    received: int
    filtered: int
    sent: int
    errored: int
    deepest: int
    state: str
    connection: str


class HistoryAnswer(Model):
    """One channel or connector; minutes in which nobody looked are absent."""

    engine: str
    channel_id: str
    connector_id: int | None
    minutes: list[MinuteAnswer]


def router(source: Source, feed: Feed, now: Callable[[], datetime]) -> APIRouter:
    """The routes; each may raise StoreError."""
    routes = APIRouter(prefix="/api/v1", tags=["caretrail"])

    @routes.get("/engines")
    async def list_engines() -> EnginesAnswer:
        """Every engine with its channels and connectors: queues, errors, states."""
        allowed(OPERATIONS)
        at = now()
        rows = await feed.run(source.engines, at)
        return EnginesAnswer(at=at, engines=[EngineAnswer.model_validate(asdict(row)) for row in rows])

    @routes.get("/engines/{engine}/channels/{channel_id}/history")
    async def channel_history(
        engine: str,
        channel_id: str,
        connector_id: Annotated[int | None, Query(ge=0)] = None,
        hours: Annotated[int, Query(ge=1, le=24 * 31)] = 24,
    ) -> HistoryAnswer:
        """One channel, or one of its connectors, minute by minute."""
        allowed(OPERATIONS)
        at = now()
        place = CHANNEL if connector_id is None else connector_id
        minutes = await feed.run(
            source.engine_history, engine, channel_id, place, at - timedelta(hours=hours), at
        )
        if not minutes:
            raise HTTPException(404, "nothing is known of this channel in that time; GET /api/v1/engines")
        return HistoryAnswer(
            engine=engine,
            channel_id=channel_id,
            connector_id=connector_id,
            minutes=[MinuteAnswer.model_validate(asdict(minute)) for minute in minutes],
        )

    return routes
