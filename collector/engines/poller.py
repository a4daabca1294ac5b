"""Looks at one engine again and again, and writes what has changed.

Called by the core's loop every second or so; decides itself whether it is time. It must never raise for an
engine that is away: that is a reading too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from collector.engines import mirth
from collector.engines.client import Client, EngineAway, EngineRefused
from collector.engines.config import EngineConfig
from collector.engines.follow import Asked, Follower
from tracing.engines import CHANNEL, ENGINE, Gauge, record
from tracing.store import Store

log = logging.getLogger("caretrail.engines")

AT_LEAST_EVERY = timedelta(minutes=1)
LONGEST_WAIT_S = 120.0
_STATISTICS = "/channels/statistics?includeUndeployed=true"
_STATUSES = "/channels/statuses?includeUndeployed=true"
_CONNECTIONS = "/extensions/dashboardstatus/connectorStates"


class Poller:
    """One engine. `write`: where readings go, the store by default."""

    def __init__(
        self,
        config: EngineConfig,
        store: Store,
        client: Asked | None = None,
        write: Callable[[Store, Sequence[Gauge]], None] = record,
        follower: Follower | None = None,
    ) -> None:
        """Raises `TapConfigError` where TLS files cannot be read."""
        self.config = config
        self._store = store
        self._client: Asked = client or Client(config)
        self._write = write
        self._follower = follower
        self._next: datetime | None = None
        self._failures = 0
        self._trouble = ""
        self._no_connections = False
        self._no_messages = False
        self._written: dict[tuple[str, int], Gauge] = {}
        self._unwritten: list[Gauge] = []

    def step(self, now: datetime) -> int:
        """Look if it is time; the number of readings written. Raises StoreError: they are kept for later."""
        if self._next is not None and now < self._next:
            return 0
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        try:
            found = [self._whole(at, "up"), *self._look(at)]
            self._tell("")
            self._failures = 0
        except EngineRefused as error:
            found = [self._whole(at, "refused")]
            self._tell(f"does not let us in: {error}")
            self._failures += 1
        except EngineAway as error:
            found = [self._whole(at, "away")]
            self._tell(f"does not answer: {error}")
            self._failures += 1
        wait = min(LONGEST_WAIT_S, self.config.poll_seconds * 2 ** min(self._failures, 6))
        self._next = now + timedelta(seconds=wait if self._failures else self.config.poll_seconds)
        fresh = [gauge for gauge in found if self._is_news(gauge)]
        self._unwritten = [*self._unwritten, *fresh][-100_000:]
        self._write(self._store, self._unwritten)
        for gauge in self._unwritten:
            self._written[gauge.channel_id, gauge.connector_id] = gauge
        written, self._unwritten = len(self._unwritten), []
        if self._follower is not None and not self._failures:
            self._follow(self._follower, found)
        return written

    def _follow(self, follower: Follower, found: Sequence[Gauge]) -> None:
        channels = [(one.channel_id, one.channel) for one in found if one.connector_id == CHANNEL]
        try:
            follower.follow(self._client, channels)
        except (EngineRefused, EngineAway) as error:
            if not self._no_messages:
                self._no_messages = True
                log.warning("engine %s tells no messages: %s", self.config.name, error)
        else:
            self._no_messages = False

    def _look(self, at: datetime) -> list[Gauge]:
        statuses = self._client.get(_STATUSES)
        statistics = self._client.get(_STATISTICS)
        found = mirth.gauges(
            self.config.name, statuses, statistics, self._connections(), self.config.interfaces, at
        )
        return found

    def _connections(self) -> Any:
        """The connections, or None from an engine without that extension or a user without that right."""
        try:
            found = self._client.get(_CONNECTIONS)
        except (EngineRefused, EngineAway) as error:
            if not self._no_connections:
                self._no_connections = True
                log.warning("engine %s tells no connections: %s", self.config.name, error)
            return None
        self._no_connections = False
        return found

    def _whole(self, at: datetime, state: str) -> Gauge:
        return Gauge(self.config.name, "", ENGINE, at, "engine", state=state)

    def _is_news(self, gauge: Gauge) -> bool:
        before = self._written.get((gauge.channel_id, gauge.connector_id))
        if before is None or gauge.at - before.at >= AT_LEAST_EVERY:
            return True
        return replace(before, at=gauge.at) != gauge

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:  # once per trouble
            log.error("engine %s %s", self.config.name, trouble)
        elif self._trouble and not trouble:
            log.warning("engine %s answers again", self.config.name)
        self._trouble = trouble
