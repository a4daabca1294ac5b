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
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any

from collector.taps import status
from collector.taps.config import AnyInterface, TapConfigError, check_together
from collector.taps.hops import KeyEncoder
from collector.taps.kinds import mount
from collector.taps.origin import instance_name, resource
from collector.taps.sender import Sender
from collector.taps.spool import CAP_BYTES, MAX_AGE_SECONDS, Spool
from collector.taps.spool_reader import SpoolReader
from collector.taps.tap import Ground, Sparing
from collector.taps.turn import Turn
from tracing.authorities import Authorities
from tracing.context import SiteKey
from tracing.keys import Sealer

log = logging.getLogger("caretrail.tap")

DRAIN_SECONDS = 5.0
STATUS_SECONDS = 60.0
GUARD_SECONDS = 1.0
MEMORY_BYTES = 1 << 30
SWITCH_INTERVAL = 0.0005


class Taps:
    """The taps of one process.

    `start`, then `stop`; `reload` in between. `addresses` says where each interface that listens does.
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
        spool_max_age_seconds: float = MAX_AGE_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        authorities: Authorities | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        """`memory_bytes`: when more is resident, the proxies pass everything unread.

        `authorities` is how the site spells its keys, `zone` that of times in messages that name none.

        Raises `TapConfigError`, `SpoolError` and `EndpointError`.
        """
        self.interfaces = list(interfaces)
        check_together(self.interfaces)
        self.addresses: dict[str, tuple[str, int]] = {}
        self.spool = Spool(
            spool_dir, resource(site), cap_bytes=spool_cap_bytes, max_age_seconds=spool_max_age_seconds
        )
        try:
            self.reader = SpoolReader(self.spool)
            self.sender = Sender(self.reader, otlp_endpoint, headers=otlp_headers, expire=self.spool.expire)
            self._turn = Turn(self.spool)
            keys = KeyEncoder(Sealer(site_key, authorities), zone)
            self._ground = Ground(self._turn, self.spool, keys, Path(spool_dir) / "folders")
            self._taps = {one.name: mount(one, self._ground) for one in self.interfaces}
        except BaseException:
            self.spool.close()
            raise
        self._stopped = False
        self._instance = instance_name()
        self._status_scope = status.scope()
        self._telling: asyncio.Task[None] | None = None
        self._guarding: asyncio.Task[None] | None = None
        self._memory_bytes = memory_bytes
        self._sparing = False

    async def start(self) -> None:
        """Listen and poll. Raises `TapConfigError` naming the interface whose address cannot be used."""
        try:
            for interface in self.interfaces:
                await self._start(interface.name)
        except BaseException:
            await self._stop(self._taps, 0)
            self.spool.close()
            raise
        self.sender.start()
        self._telling = asyncio.create_task(self._tell())
        self._guarding = asyncio.create_task(self._guard())

    async def reload(self, interfaces: Iterable[AnyInterface]) -> None:
        """Watch `interfaces` instead; one that has not changed notices nothing, nor do its connections.

        Raises `TapConfigError`, before anything has changed where two interfaces collide, and after
        everything else has where one cannot be started: that one is then not watched.
        """
        wanted = {one.name: one for one in interfaces}
        check_together(wanted.values())
        before = {one.name: one for one in self.interfaces}
        ended = [name for name, one in before.items() if wanted.get(name) != one]
        await self._stop(ended, DRAIN_SECONDS)
        for name in ended:
            del self._taps[name]
            self.addresses.pop(name, None)
        problems = []
        running = [one for name, one in before.items() if name not in ended]
        for name in [name for name, one in wanted.items() if before.get(name) != one]:
            try:
                self._taps[name] = mount(wanted[name], self._ground)
                await self._start(name)
                running.append(wanted[name])
            except TapConfigError as error:
                self._taps.pop(name, None)
                problems.append(str(error))
        self.interfaces = running
        if problems:
            raise TapConfigError("\n".join(problems))

    async def stop(self, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Drain and end; a second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        for task in (self._telling, self._guarding):
            if task is not None:
                task.cancel()
        await self._stop(self._taps, drain_seconds)
        self._turn.flush()
        self.tell(time.time_ns())
        await asyncio.to_thread(self.sender.stop, drain_seconds)
        self.spool.close()

    def counters(self) -> dict[str, dict[str, Any]]:
        """What happened, by interface, and under `spool` and `sender`; names of counters are stable."""
        found: dict[str, dict[str, Any]] = {
            "spool": dataclasses.asdict(self.spool.counters) | {"waiting_bytes": self.spool.waiting_bytes},
            "sender": dataclasses.asdict(self.sender.counters),
        }
        return found | {name: tap.counters() for name, tap in self._taps.items()}

    def exposition(self) -> str:
        """What happened, for Prometheus."""
        return status.exposition(self.counters())

    def tell(self, now_ns: int) -> None:
        """Put what happened so far into the spool, a span per interface."""
        kinds = {one.name: one.kind for one in self.interfaces}
        clock = self.sender.clock.take()
        encoded = status.status_spans(self._instance, kinds, self.counters(), now_ns, clock)
        self.spool.append(self._status_scope, b"".join(encoded), len(encoded))

    async def _tell(self) -> None:
        while True:
            self.tell(time.time_ns())
            await asyncio.sleep(STATUS_SECONDS)

    def guard(self, resident: int) -> None:
        """Spare memory when `resident` bytes are too many, and look again when a fifth of them is free."""
        sparing = resident > (self._memory_bytes * 4 // 5 if self._sparing else self._memory_bytes)
        if sparing == self._sparing:
            return
        self._sparing = sparing
        log.error("out of memory: messages pass unread" if sparing else "messages are read again")
        for tap in self._taps.values():
            if isinstance(tap, Sparing):
                tap.spare(sparing)

    async def _guard(self) -> None:
        while True:
            self.guard(resident_bytes())
            await asyncio.sleep(GUARD_SECONDS)

    async def _start(self, name: str) -> None:
        address = await self._taps[name].start()
        if address is not None:
            self.addresses[name] = address

    async def _stop(self, names: Iterable[str], drain_seconds: float) -> None:
        await asyncio.gather(*(self._taps[name].stop(drain_seconds) for name in names))


def resident_bytes() -> int:
    """Memory of this process in RAM; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


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
    taps: Taps,
    stop: asyncio.Event,
    *,
    drain_seconds: float = DRAIN_SECONDS,
    reloads: asyncio.Queue[Iterable[AnyInterface]] | None = None,
) -> None:
    """Run until `stop` is set, then drain for at most `drain_seconds` and return.

    What is put into `reloads` are the interfaces to watch from then on. Logs one line when everything
    listens. Raises `TapConfigError` at start.
    """
    await taps.start()
    tune()
    for name, (host, port) in taps.addresses.items():
        log.info("interface %s listens on %s:%d", name, host, port)
    log.info("taps are ready: %d interfaces", len(taps.interfaces))
    changing = asyncio.create_task(_follow(taps, reloads)) if reloads is not None else None
    try:
        await stop.wait()
    finally:
        if changing is not None:
            changing.cancel()
        await taps.stop(drain_seconds)
        log.info("taps have stopped: %s", taps.counters())


async def _follow(taps: Taps, reloads: asyncio.Queue[Iterable[AnyInterface]]) -> None:
    while True:
        wanted = await reloads.get()
        try:
            await taps.reload(wanted)
        except TapConfigError as error:
            log.error("%s", error)
        log.info("taps were changed: %d interfaces", len(taps.interfaces))
