"""The proxied kinds, MLLP and HTTP: a relay, and a watcher for each of its connections.

Called by `kinds`. It must never read a message itself; that is the watcher's.
"""

from __future__ import annotations

import dataclasses
import os
import ssl
from typing import Any
from urllib.parse import urlsplit

from collector.taps.config import HttpInterface, MllpInterface, TapConfigError, parse_address
from collector.taps.http import HttpCounters, HttpWatcher
from collector.taps.mllp import MllpCounters, MllpWatcher
from collector.taps.observe_hl7 import Hl7Observer
from collector.taps.observe_http import HttpObserver
from collector.taps.relay import Relay, Watcher
from collector.taps.tap import Ground, Tap


class Proxy:
    """A `Tap` in line."""

    def __init__(
        self, interface: MllpInterface | HttpInterface, relay: Relay, watched: MllpCounters | HttpCounters
    ) -> None:
        self._interface = interface
        self._relay = relay
        self._watched = watched

    async def start(self) -> tuple[str, int]:
        """Listen; the address that was bound. Raises `TapConfigError`."""
        listen = parse_address(self._interface.listen)
        try:
            return await self._relay.listen(listen.host, listen.port)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise TapConfigError(
                f"interface {self._interface.name!r}: listen: cannot use {self._interface.listen}: {why}"
            ) from error

    async def stop(self, drain_seconds: float) -> None:
        """Let outstanding answers come, then close."""
        await self._relay.drain(drain_seconds)

    def counters(self) -> dict[str, Any]:
        """Of connections and of messages."""
        return dataclasses.asdict(self._relay.counters) | dataclasses.asdict(self._watched)


def mllp(interface: MllpInterface, ground: Ground) -> Tap:
    """The tap of an MLLP interface."""
    observer = Hl7Observer(interface, ground.keys, ground.turn)
    counters = MllpCounters()

    def watcher() -> Watcher:
        return MllpWatcher(interface, observer, counters)

    relay = Relay(interface.name, parse_address(interface.upstream), watcher, ground.turn)
    return Proxy(interface, relay, counters)


def http(interface: HttpInterface, ground: Ground) -> Tap:
    """The tap of an HTTP interface."""
    observer = HttpObserver(interface, ground.keys, ground.turn)
    counters = HttpCounters()

    def watcher() -> Watcher:
        return HttpWatcher(observer, counters)

    parts = urlsplit(interface.upstream)
    secure = parts.scheme == "https"
    upstream = (parts.hostname or "", parts.port or (443 if secure else 80))
    tls = ssl.create_default_context() if secure else None
    return Proxy(interface, Relay(interface.name, upstream, watcher, ground.turn, tls), counters)
