"""What is known of every engine now, and of one place over time.

Called by the dashboard and the REST interface. Every answer says when it was true: a gauge that is not fresh
must never be shown as if it were.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tracing.engines.model import CHANNEL, ENGINE
from tracing.store import Store, load_sql

WINDOW = timedelta(days=1)
STALE = timedelta(minutes=3)
"""Readings are written at least once a minute; after three, nobody is looking any more."""
_SQL = "tracing.engines.sql"
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ConnectorRow:
    """A source or destination. `since`: state and connection are older than that; None: than a day."""

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


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel. Totals are since somebody cleared them; `_24h` and `_1h` what was added since then at least.

    deepest_24h: the deepest queue any look found. fresh: read within three minutes, with the engine up.
    """

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
    connectors: tuple[ConnectorRow, ...]

    @property
    def connection(self) -> str:
        """The worst of its connectors' connections: disconnected or failed before all others."""
        words = [one.connection for one in self.connectors if one.connection]
        for word in ("failure", "disconnected"):
            if word in words:
                return word
        return words[0] if words else ""


@dataclass(frozen=True, slots=True)
class EngineRow:
    """An engine: `up`, `away` (no answer) or `refused` (it does not let us in), and its channels by name."""

    name: str
    state: str
    since: datetime | None
    at: datetime
    fresh: bool
    channels: tuple[ChannelRow, ...]


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of one place: totals at its end, the deepest queue in it, the words at its end."""

    minute: datetime
    received: int
    filtered: int
    sent: int
    errored: int
    deepest: int
    state: str
    connection: str


def engines(store: Store, now: datetime) -> list[EngineRow]:
    """Every engine that was read in the last day, by name. Raises StoreError."""
    window = {"since": now - WINDOW, "now": now}
    latest = store.query(load_sql(_SQL, "latest.sql"), window | {"hour_ago": now - _HOUR}).rows
    since = _since(store.query(load_sql(_SQL, "words.sql"), window).rows, latest)
    places: dict[str, list[tuple[Any, ...]]] = {}
    for row in latest:
        places.setdefault(row[0], []).append(row)
    return [_engine(name, rows, since, now) for name, rows in sorted(places.items())]


def history(
    store: Store, engine: str, channel_id: str, connector_id: int, since: datetime, until: datetime
) -> list[Minute]:
    """One place minute by minute; minutes in which nothing changed and nobody looked are absent."""
    given = {"engine": engine, "channel_id": channel_id, "connector_id": connector_id}
    result = store.query(load_sql(_SQL, "history.sql"), given | {"since": since, "until": until})
    return [Minute(*row) for row in result.rows]


_Place = tuple[str, str, int]


def _since(words: list[tuple[Any, ...]], latest: list[tuple[Any, ...]]) -> dict[_Place, datetime]:
    """When each place last had another state or connection than now."""
    now_words = {row[:3]: (row[4][4], row[4][5]) for row in latest}
    found: dict[_Place, datetime] = {}
    for engine, channel_id, connector_id, state, connection, last in words:
        place = (engine, channel_id, connector_id)
        if now_words.get(place) != (state, connection):
            found[place] = max(last, found.get(place, last))
    return found


def _engine(
    name: str, rows: list[tuple[Any, ...]], since: dict[_Place, datetime], now: datetime
) -> EngineRow:
    whole = next((row for row in rows if row[2] == ENGINE), None)
    newest = max(row[3] for row in rows)
    state = whole[4][4] if whole else "up"
    at = whole[3] if whole else newest
    fresh = now - at <= STALE
    connectors: dict[str, list[ConnectorRow]] = {}
    for row in rows:
        if row[2] >= 0:
            connectors.setdefault(row[1], []).append(_connector(row, since))
    # A channel that the engine no longer names was removed: the engine has been read since, and it was not.
    channels = [
        _channel(row, connectors.get(row[1], []), since, fresh and state == "up", now)
        for row in rows
        if row[2] == CHANNEL and (state != "up" or at - row[3] <= STALE)
    ]
    channels.sort(key=lambda channel: channel.name)
    return EngineRow(name, state, since.get((name, "", ENGINE)), at, fresh, tuple(channels))


def _channel(
    row: tuple[Any, ...],
    connectors: list[ConnectorRow],
    since: dict[_Place, datetime],
    fresh: bool,
    now: datetime,
) -> ChannelRow:
    engine, channel_id, connector_id, at, words, totals, queue, deepest, oldest, day, hour_at, hour = row
    _, name, _, interface, state, _ = words
    received, filtered, sent, errored = totals
    then = hour if hour_at >= oldest else day
    return ChannelRow(
        channel_id=channel_id,
        name=name,
        interface=interface,
        state=state,
        since=since.get((engine, channel_id, connector_id)),
        at=at,
        fresh=fresh and now - at <= STALE,
        received=received,
        filtered=filtered,
        queued=queue,
        sent=sent,
        errored=errored,
        deepest_24h=deepest,
        received_1h=_added(received, then[0]),
        received_24h=_added(received, day[0]),
        filtered_24h=_added(filtered, day[1]),
        sent_24h=_added(sent, day[2]),
        errored_1h=_added(errored, then[3]),
        errored_24h=_added(errored, day[3]),
        connectors=tuple(sorted(connectors, key=lambda one: one.connector_id)),
    )


def _connector(row: tuple[Any, ...], since: dict[_Place, datetime]) -> ConnectorRow:
    kind, _, name, _, state, connection = row[4]
    received, filtered, sent, errored = row[5]
    return ConnectorRow(
        row[2],
        name,
        kind,
        state,
        connection,
        since.get((row[0], row[1], row[2])),
        received,
        filtered,
        row[6],
        sent,
        errored,
    )


def _added(now: int, then: int) -> int:
    """What a total grew by; one that is smaller than before was cleared in between."""
    return now - then if now >= then else now
