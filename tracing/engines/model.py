"""One reading of one place of an engine, and how readings are written.

Called by `collector.engines`. Writing the same reading again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from tracing.store import Store

ENGINE, CHANNEL = -2, -1
"""Connector IDs of what is no connector: the engine as a whole, and a channel as a whole."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """An engine (`kind` engine), a channel, or one of its connectors (source, destination) at a moment.

    state: the engine's own word in lower case (started, stopped, paused, undeployed, …), for an engine `up`,
    `away` or `refused`. connection: idle, connected, disconnected, …; empty where the engine does not say.
    interface: the interface in `caretrail.yaml` the channel carries, if it was named. Counters are totals
    since somebody cleared them; `queued` is the depth now.
    """

    engine: str
    channel_id: str
    connector_id: int
    at: datetime
    kind: str
    channel: str = ""
    connector: str = ""
    interface: str = ""
    state: str = ""
    connection: str = ""
    received: int = 0
    filtered: int = 0
    queued: int = 0
    sent: int = 0
    errored: int = 0


_COLUMNS = tuple(field.name for field in fields(Gauge))


def record(store: Store, gauges: Sequence[Gauge]) -> None:
    """Write readings. Raises StoreError."""
    if gauges:
        rows = [tuple(getattr(gauge, name) for name in _COLUMNS) for gauge in gauges]
        store.insert("engine_gauges", _COLUMNS, rows)
