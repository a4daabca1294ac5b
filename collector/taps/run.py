"""Runs the taps of one process: listeners, folders, spool and sender.

Called by the front door (`caretrail tap`, `caretrail demo`) and by tests. On stop it takes no new connection,
lets outstanding acknowledgements come, sends what it can, and leaves the rest in the spool.
It must never delay or lose a message because of anything that concerns its own records.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import logging
import os
import ssl
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from collector.taps.config import (
    FolderInterface,
    HttpInterface,
    MllpInterface,
    TapConfigError,
    check_together,
    parse_address,
)
from collector.taps.folder import FolderTap
from collector.taps.hops import AnyInterface
from collector.taps.http import HttpCounters, HttpWatcher
from collector.taps.mllp import MllpCounters, MllpWatcher
from collector.taps.relay import Relay, Watcher
from collector.taps.replay import Observer, resource
from collector.taps.sender import Sender
from collector.taps.spool import CAP_BYTES, Spool
from collector.taps.spool_reader import SpoolReader
from collector.taps.turn import Turn
from tracing.context import SiteKey

log = logging.getLogger("caretrail.tap")

DRAIN_SECONDS = 5.0
SWITCH_INTERVAL = 0.0005


class Taps:
    """The taps of one process.

    `start`, then `stop`. `addresses` says where each proxied interface listens, `counters` what happened.
    """

    def __init__(
        self,
        interfaces: Iterable[AnyInterface],
        site_key: SiteKey,
        otlp_endpoint: str,
        spool_dir: str | os.PathLike[str],
        *,
        site: str = "",
        otlp_headers: Mapping[str, str] | None = None,
        spool_cap_bytes: int = CAP_BYTES,
    ) -> None:
        """Raises `TapConfigError`, `SpoolError` and `EndpointError`."""
        self.interfaces = list(interfaces)
        check_together(self.interfaces)
        self.addresses: dict[str, tuple[str, int]] = {}
        self._state = Path(spool_dir) / "folders"
        self.spool = Spool(spool_dir, resource(site), cap_bytes=spool_cap_bytes)
        try:
            self.reader = SpoolReader(self.spool)
            self.sender = Sender(self.reader, otlp_endpoint, headers=otlp_headers)
            self._turn = Turn(self.spool)
            self.observer = Observer(self.interfaces, site_key, self._turn)
            # Files are read in threads, which a turn of the event loop is none of.
            self._files = Observer(self.interfaces, site_key, self.spool)
        except BaseException:
            self.spool.close()
            raise
        self._relays: dict[str, Relay] = {}
        self._watched: dict[str, MllpCounters | HttpCounters] = {}
        self._folders: dict[str, FolderTap] = {}
        self._polls: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Listen and poll. Raises `TapConfigError` naming the interface whose address cannot be used."""
        try:
            for interface in self.interfaces:
                if isinstance(interface, FolderInterface):
                    self._watch_folder(interface)
                else:
                    await self._listen(interface)
        except BaseException:
            await self._close_relays(0)
            self.spool.close()
            raise
        self.sender.start()

    async def stop(self, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Drain and end; a second call does nothing."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        await self._close_relays(drain_seconds)
        self._turn.flush()
        if self._polls:
            await asyncio.gather(*self._polls, return_exceptions=True)
        await asyncio.to_thread(self.sender.stop, drain_seconds)
        self.spool.close()

    def counters(self) -> dict[str, dict[str, Any]]:
        """What happened, by interface, and under `spool` and `sender`; names of counters are stable."""
        found: dict[str, dict[str, Any]] = {
            "spool": dataclasses.asdict(self.spool.counters) | {"waiting_bytes": self.spool.waiting_bytes},
            "sender": dataclasses.asdict(self.sender.counters),
        }
        for name, relay in self._relays.items():
            found[name] = dataclasses.asdict(relay.counters) | dataclasses.asdict(self._watched[name])
        for name, folder in self._folders.items():
            found[name] = dataclasses.asdict(folder.counters)
        return found

    def _watch_folder(self, interface: FolderInterface) -> None:
        observer = self._files.x12[interface.name]
        tap = FolderTap(interface, observer, self._state / f"{interface.name}.jsonl")
        self._folders[interface.name] = tap
        self._polls.append(asyncio.get_running_loop().create_task(tap.run(self._stopping)))

    async def _listen(self, interface: MllpInterface | HttpInterface) -> None:
        relay = self._mllp(interface) if isinstance(interface, MllpInterface) else self._http(interface)
        self._relays[interface.name] = relay
        listen = parse_address(interface.listen)
        try:
            self.addresses[interface.name] = await relay.listen(listen.host, listen.port)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise TapConfigError(
                f"interface {interface.name!r}: listen: cannot use {interface.listen}: {why}"
            ) from error

    def _mllp(self, interface: MllpInterface) -> Relay:
        observer = self.observer.hl7[interface.name]
        counters = MllpCounters()
        self._watched[interface.name] = counters

        def watcher() -> Watcher:
            return MllpWatcher(interface, observer, counters)

        return Relay(interface.name, parse_address(interface.upstream), watcher, self._turn)

    def _http(self, interface: HttpInterface) -> Relay:
        observer = self.observer.http[interface.name]
        counters = HttpCounters()
        self._watched[interface.name] = counters

        def watcher() -> Watcher:
            return HttpWatcher(observer, counters)

        parts = urlsplit(interface.upstream)
        secure = parts.scheme == "https"
        upstream = (parts.hostname or "", parts.port or (443 if secure else 80))
        tls = ssl.create_default_context() if secure else None
        return Relay(interface.name, upstream, watcher, self._turn, tls)

    async def _close_relays(self, seconds: float) -> None:
        await asyncio.gather(*(relay.drain(seconds) for relay in self._relays.values()))


def tune() -> None:
    """Set the interpreter for a process that is a tap and nothing else.

    The sender's thread must not keep the interpreter for the usual 5 ms while a message waits. And the
    garbage collector need not look through a program that makes no cycles after every 700 objects: that took
    a third of the time of a message.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


async def run_taps(
    interfaces: Iterable[AnyInterface],
    site_key: SiteKey,
    otlp_endpoint: str,
    spool_dir: str | os.PathLike[str],
    stop: asyncio.Event,
    *,
    site: str = "",
    spool_cap_bytes: int = CAP_BYTES,
    drain_seconds: float = DRAIN_SECONDS,
) -> None:
    """Run until `stop` is set, then drain for at most `drain_seconds` and return.

    Logs one line when everything listens. Raises `TapConfigError`, `SpoolError`, `EndpointError` at start.
    """
    taps = Taps(interfaces, site_key, otlp_endpoint, spool_dir, site=site, spool_cap_bytes=spool_cap_bytes)
    await taps.start()
    tune()
    for name, (host, port) in taps.addresses.items():
        log.info("interface %s listens on %s:%d", name, host, port)
    log.info("taps are ready: %d interfaces", len(taps.interfaces))
    try:
        await stop.wait()
    finally:
        await taps.stop(drain_seconds)
        log.info("taps have stopped: %s", taps.counters())
