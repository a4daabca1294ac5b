"""A tap in line, of whatever protocol: a relay and what its watchers count.

Made by `mllp_proxy` and `http_proxy`. It must never read a message itself; that is the watcher's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from collector.taps.config import HttpInterface, MllpInterface
from collector.taps.config.tls import Listening, contexts, source_filter
from collector.taps.listening import listening
from collector.taps.relay import Relay, Secured


class Proxy:
    """A `Tap` in line."""

    def __init__(
        self,
        interface: MllpInterface | HttpInterface,
        relay: Relay,
        watched: Any,
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
