"""The proxied kinds, MLLP and HTTP: a relay, and a watcher for each of its connections.

Called by `kinds`. It must never read a message itself; that is the watcher's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from collector.taps.config import HttpInterface, MllpInterface, parse_address
from collector.taps.config.tls import Listening, UpstreamTls, contexts, source_filter, upstream_context
from collector.taps.http import HttpCounters, HttpWatcher
from collector.taps.http_context import StartingWatcher
from collector.taps.listening import listening
from collector.taps.mllp import MllpCounters, MllpWatcher
from collector.taps.mllp_context import ContextWatcher
from collector.taps.mllp_sink import MllpSink
from collector.taps.observe_hl7 import Hl7Observer
from collector.taps.observe_http import HttpObserver
from collector.taps.relay import Relay, Secured, Watcher
from collector.taps.tap import Ground, Tap


class Proxy:
    """A `Tap` in line."""

    def __init__(
        self,
        interface: MllpInterface | HttpInterface,
        relay: Relay,
        watched: MllpCounters | HttpCounters,
        unseen: Callable[[], int] = int,
    ) -> None:
        """`unseen` tells how many messages the observer could not read."""
        self._interface = interface
        self._relay = relay
        self._watched = watched
        self._unseen = unseen

    async def start(self) -> tuple[str, int]:
        """Listen; the address that was bound. Raises `TapConfigError`."""
        return await listening(self._interface.name, self._interface.listen, self._relay.listen)

    async def stop(self, drain_seconds: float) -> None:
        """Let outstanding answers come, then close."""
        await self._relay.drain(drain_seconds)

    def spare(self, sparing: bool) -> None:
        """Pass everything unread while there is no memory for more."""
        self._relay.spare(sparing)

    def counters(self) -> dict[str, Any]:
        """Of connections and of messages."""
        found = dataclasses.asdict(self._relay.counters)
        unseen = found["unseen"] + self._unseen()
        return found | dataclasses.asdict(self._watched) | {"unseen": unseen}


def secured(interface: Listening) -> Secured:
    """How an interface's connections are protected. Raises `TapConfigError`."""
    listen, upstream = contexts(interface.name, interface.tls)
    name = interface.tls.upstream.server_name if interface.tls and interface.tls.upstream else None
    silence = interface.keepalive_seconds if isinstance(interface, MllpInterface) else Secured.keepalive
    return Secured(listen, upstream, name or "", source_filter(interface.allow), silence)


def mllp(interface: MllpInterface, ground: Ground) -> Tap:
    """The tap of an MLLP interface."""
    if interface.mode == "sink" or interface.upstream is None:
        return MllpSink(
            interface, secured(interface), Hl7Observer(interface, ground.keys, ground.spool), ground
        )
    observer = Hl7Observer(interface, ground.keys, ground.turn)
    counters = MllpCounters()
    rewrites = interface.context != "none"
    kind = ContextWatcher if rewrites else MllpWatcher

    def watcher() -> Watcher:
        return kind(interface, observer, counters, ground.awaiting)

    relay = Relay(
        interface.name,
        parse_address(interface.upstream),
        watcher,
        ground.turn,
        secured=secured(interface),
        rewrites=rewrites,
        units=lambda data: data.count(b"\x1c"),
    )
    return Proxy(interface, relay, counters, lambda: observer.unseen)


def http(interface: HttpInterface, ground: Ground) -> Tap:
    """The tap of an HTTP interface."""
    observer = HttpObserver(interface, ground.keys, ground.turn)
    counters = HttpCounters()
    rewrites = interface.context != "none"
    kind = StartingWatcher if rewrites else HttpWatcher

    def watcher() -> Watcher:
        return kind(observer, counters)

    parts = urlsplit(interface.upstream)
    secure = parts.scheme == "https"
    upstream = (parts.hostname or "", parts.port or (443 if secure else 80))
    given = secured(interface)
    if secure and given.upstream is None:
        given = replace(given, upstream=upstream_context(interface.name, UpstreamTls()))
    relay = Relay(
        interface.name,
        upstream,
        watcher,
        ground.turn,
        secured=given,
        rewrites=rewrites,
        units=lambda data: data.count(b" HTTP/1."),
    )
    return Proxy(interface, relay, counters, lambda: observer.unseen)
