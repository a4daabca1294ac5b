"""The folder tap: takes X12 files once, when they are complete.

Called by `run`, one poller per interface, its file work in a thread so that a slow share never holds up a
proxied message. What has been taken is remembered by name, size and content across restarts.
It must never move, change or lock a file, and never put a file's name into a log or a span.
"""

from __future__ import annotations

import asyncio
import dataclasses
import fnmatch
import hashlib
import json
import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from collector.taps.config import FolderInterface
from collector.taps.observe_x12 import X12Observer
from collector.taps.tap import Ground, Tap

log = logging.getLogger("caretrail.tap")

MAX_REMEMBERED = 200_000


class Stamp(NamedTuple):
    """What a directory says of a file: a change means that it is still being written, or new."""

    size: int
    mtime_ns: int
    inode: int


@dataclass
class FolderCounters:
    """What passed through one folder since the process started."""

    files: int = 0
    spans: int = 0
    unreadable: int = 0


@dataclass
class _Candidate:
    stamp: Stamp
    since: float


class FolderTap:
    """Polls one folder."""

    def __init__(self, interface: FolderInterface, observer: X12Observer, state_file: Path) -> None:
        self.interface = interface
        self.counted = FolderCounters()
        self._folder = Path(interface.path)
        self._observer = observer
        self._state_file = state_file
        self._taken: dict[str, tuple[Stamp, str]] = {}
        self._contents: set[tuple[str, int, str]] = set()
        self._candidates: dict[str, _Candidate] = {}
        self._missing = False
        self._stopping = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None
        self._load()

    async def start(self) -> None:
        """Poll until `stop`."""
        self._polling = asyncio.get_running_loop().create_task(self._poll_until_stopped())

    async def stop(self, drain_seconds: float) -> None:
        """Finish the file that is being read, however long that takes, and end."""
        self._stopping.set()
        if self._polling is not None:
            await asyncio.wait([self._polling])

    async def _poll_until_stopped(self) -> None:
        while not self._stopping.is_set():
            await asyncio.to_thread(self._safe_poll)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.interface.poll_seconds):
                    await self._stopping.wait()

    def counters(self) -> dict[str, Any]:
        """Files and spans."""
        return dataclasses.asdict(self.counted)

    def poll(self, now: float) -> int:
        """Look once; `now` in seconds of any steady clock. The number of files taken."""
        taken = 0
        present = self._list()
        for name, stamp in present:
            known = self._taken.get(name)
            if known is not None and known[0] == stamp:
                continue
            candidate = self._candidates.get(name)
            if candidate is None or candidate.stamp != stamp:
                self._candidates[name] = _Candidate(stamp, now)
                if self.interface.settle_seconds > 0:
                    continue
            elif now - candidate.since < self.interface.settle_seconds:
                continue
            if self._take(name, stamp):
                taken += 1
        names = {name for name, _ in present}
        for name in self._candidates.keys() - names:
            del self._candidates[name]
        return taken

    def _safe_poll(self) -> None:
        try:
            self.poll(time.monotonic())
        except Exception as error:  # the next look may go better, and the other interfaces must not notice
            log.error(
                "interface %s: the folder could not be read: %s", self.interface.name, type(error).__name__
            )

    def _list(self) -> list[tuple[str, Stamp]]:
        found = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or not fnmatch.fnmatchcase(
                        entry.name, self.interface.pattern
                    ):
                        continue
                    with suppress(FileNotFoundError):
                        if entry.is_file():
                            status = entry.stat()
                            stamp = Stamp(status.st_size, status.st_mtime_ns, status.st_ino)
                            found.append((entry.name, stamp))
        except FileNotFoundError:
            if not self._missing:
                self._missing = True
                log.warning("interface %s: its folder does not exist yet", self.interface.name)
            return []
        self._missing = False
        return sorted(found, key=lambda item: (item[1].mtime_ns, item[0]))

    def _take(self, name: str, stamp: Stamp) -> bool:
        """Record one complete file; False if it cannot be read now."""
        if stamp.size > self.interface.max_file_bytes:
            self._observer.too_large(stamp.size, stamp.mtime_ns)
            self._remember(name, stamp, "-")
            return True
        try:
            data = (self._folder / name).read_bytes()
        except OSError as error:
            self.counted.unreadable += 1
            self._candidates.pop(name, None)
            log.warning("interface %s: a file cannot be read: %s", self.interface.name, error.strerror)
            return False
        if len(data) != stamp.size:
            self._candidates[name] = _Candidate(Stamp(len(data), 0, 0), time.monotonic())
            return False
        digest = hashlib.sha256(data).hexdigest()
        known = (name, stamp.size, digest) in self._contents
        if not known and data:
            self.counted.spans += self._observer.observe(data, stamp.mtime_ns)
            self.counted.files += 1
        # After the spans are in the spool: a crash in between takes the file again, to the same spans.
        self._remember(name, stamp, digest)
        return not known

    def _remember(self, name: str, stamp: Stamp, digest: str) -> None:
        self._candidates.pop(name, None)
        self._taken[name] = (stamp, digest)
        self._contents.add((name, stamp.size, digest))
        self._append({"name": name, "stamp": stamp, "sha256": digest})
        if len(self._taken) > MAX_REMEMBERED:
            self._forget_vanished()

    def _append(self, line: dict[str, object]) -> None:
        try:
            self._state_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            descriptor = os.open(self._state_file, flags, 0o600)
            try:
                os.write(descriptor, json.dumps(line).encode() + b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            log.error("interface %s: taken files cannot be noted: %s", self.interface.name, error.strerror)

    def _load(self) -> None:
        try:
            lines = self._state_file.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                item = json.loads(line)
                name, stamp, digest = str(item["name"]), Stamp(*item["stamp"]), str(item["sha256"])
            except (ValueError, TypeError, KeyError):
                continue  # a torn last line: its file is taken again and gives the same spans
            self._taken[name] = (stamp, digest)
            self._contents.add((name, stamp.size, digest))

    def _forget_vanished(self) -> None:
        """Keep the state as long as the folder is, not as long as its history."""
        present = {name for name, _ in self._list()}
        self._taken = {name: known for name, known in self._taken.items() if name in present}
        self._contents = {content for content in self._contents if content[0] in present}
        temporary = self._state_file.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        state, self._state_file = self._state_file, temporary
        try:
            for name, (stamp, digest) in self._taken.items():
                self._append({"name": name, "stamp": stamp, "sha256": digest})
        finally:
            self._state_file = state
        if temporary.exists():
            os.replace(temporary, state)


def mount(interface: FolderInterface, ground: Ground) -> Tap:
    """The tap of a folder."""
    observer = X12Observer(interface, ground.keys, ground.spool)
    return FolderTap(interface, observer, ground.state / f"{interface.name}.jsonl")
