"""The folder tap: takes files once, when they are complete.

Called by `run`, its file work in a thread so that a slow share never holds up a proxied message. The system
tells it of changes where it can (`files_watch`); otherwise it looks for itself, more rarely the longer a look
takes. It must never move, change or lock a file, and never put a file's name into a log or a span.
"""

from __future__ import annotations

import asyncio
import dataclasses
import fnmatch
import logging
import os
import re
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from collector.taps.config import FolderInterface
from collector.taps.file_observers import file_observer
from collector.taps.files_seen import FirstSeen
from collector.taps.files_state import Stamp, TakenFiles
from collector.taps.files_take import FolderCounters, Taker
from collector.taps.files_watch import Watch, WatchError, is_shared
from collector.taps.observe_files import Batched, FileObserver
from collector.taps.tap import Ground, Tap

log = logging.getLogger("caretrail.tap")

SLICE = 500
"""Names looked at before something else may have its turn."""
PAUSE = 0.002
RELOOK_SECONDS = 600.0
"""How often a folder is looked through although the system tells of changes."""
SETTLED_LONG_AGO = 3600.0
"""Age in seconds beyond which a file need not be watched to know that nobody is writing it, whatever the
clock of its server says."""
SHARE_OF_TIME = 10
"""A look that takes long is followed by a pause this many times longer."""


GATHER_SECONDS = 0.05
"""After the system told of a change, for others that come with it."""
MOST_CANDIDATES = 5_000
"""Files waited for at once; others are found when these have been taken."""
RETRY_SECONDS = 10.0


def _nothing() -> None:
    pass


@dataclass
class _Candidate:
    stamp: Stamp
    since: float


class FolderTap:
    """Watches one folder."""

    def __init__(
        self,
        interface: FolderInterface,
        observer: FileObserver,
        state_file: Path,
        flush: Callable[[], None] = _nothing,
        close: Callable[[], None] = _nothing,
    ) -> None:
        self.interface = interface
        self.counted = FolderCounters()
        self._folder = Path(interface.path)
        self._observer = observer
        self._taken = TakenFiles(state_file)
        self._skip_existing = interface.existing == "skip" and self._taken.is_new
        self._taker = Taker(interface, observer, self._taken, self.counted, flush)
        self._close = close
        ignored = [*interface.ignore, ".*"]
        ignored += [interface.marker] if interface.complete == "marker" else []
        self._pattern = re.compile(fnmatch.translate(interface.pattern))
        self._ignored = re.compile("|".join(map(fnmatch.translate, ignored)))
        self._candidates: dict[str, _Candidate] = {}
        self._more = False
        self._missing = False
        self._watch: Watch | None = None
        self._watchable = interface.watch == "auto"
        self._look: Iterator[int] | None = None
        self._look_began = 0.0
        self._next_look = 0.0
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Watch until `stop`."""
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def stop(self, drain_seconds: float) -> None:
        """Finish the file that is being read, however long that takes, and end."""
        self._stopping.set()
        self._changed.set()
        if self._running is not None:
            await asyncio.wait([self._running])
        self._taken.close()
        self._close()

    def counters(self) -> dict[str, Any]:
        """Files, spans, places that were not as they should be, and what was not seen."""
        counted = dataclasses.asdict(self.counted)
        unseen = self._observer.unread + self.counted.unreadable + self.counted.failed_looks
        told = self._watch is not None
        return counted | {"unseen": unseen, "waiting": len(self._candidates), "told_by_system": int(told)}

    def poll(self, now: float) -> int:
        """Look through the whole folder once; `now` in seconds of any steady clock. Files that were taken."""
        taken = sum(self._looking(lambda: now))
        return taken + self._settle(now)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while not self._stopping.is_set():
                before = self._watch
                wait = await asyncio.to_thread(self._turn)
                if self._watch is not before:
                    # A descriptor is closed only after the loop has forgotten it.
                    if before is not None:
                        loop.remove_reader(before.descriptor)
                        before.close()
                    if self._watch is not None:
                        loop.add_reader(self._watch.descriptor, self._on_change)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
                if self._changed.is_set() and self._watch is not None and not self._stopping.is_set():
                    self._changed.clear()
                    await asyncio.sleep(min(GATHER_SECONDS, self.interface.settle_seconds))
                    loop.add_reader(self._watch.descriptor, self._on_change)
        finally:
            if self._watch is not None:
                loop.remove_reader(self._watch.descriptor)
                self._watch.close()
                self._watch = None

    def _on_change(self) -> None:
        """Wake, and do not ask again until what has changed was looked at: many changes are one turn."""
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.descriptor)
        self._changed.set()

    def _turn(self) -> float:
        """Do what is due now; seconds until something is due again."""
        try:
            return self._due(time.monotonic())
        except Exception as error:  # the next look may go better, and the other interfaces must not notice
            self.counted.failed_looks += 1
            self._look = None
            log.error(
                "interface %s: the folder could not be read: %s", self.interface.name, type(error).__name__
            )
            return self.interface.poll_seconds

    def _due(self, now: float) -> float:
        if self._watch is None and self._watchable:
            self._begin_to_watch()
        if self._watch is not None:
            self._heed(self._watch, now)
        if self._look is None and now >= self._next_look:
            self._look, self._look_began = self._looking(time.monotonic), now
        if self._look is not None:
            # One slice, so that a new file need not wait until a million old ones have been looked at.
            if next(self._look, None) is None:
                self._look = None
                took = time.monotonic() - self._look_began
                pause = RELOOK_SECONDS if self._watch is not None else self.interface.poll_seconds
                pause = self.interface.poll_seconds if self._more else pause
                self._next_look = time.monotonic() + max(pause, took * SHARE_OF_TIME)
            self._settle(now)
            return PAUSE if self._look is not None else self._wait()
        self._settle(now)
        return self._wait()

    def _wait(self) -> float:
        """Until the next file can have settled, or the next look."""
        look = max(self._next_look - time.monotonic(), 0.001)
        if not self._candidates:
            return look
        pause = self.interface.settle_seconds if self._watch is not None else self.interface.poll_seconds
        if self._watch is not None and self.interface.complete == "marker":
            return min(look, RETRY_SECONDS)  # a marker will be told of
        return min(look, max(min(pause, self.interface.poll_seconds), 0.01))

    def _begin_to_watch(self) -> None:
        if not self._folder.is_dir():
            return
        made: Watch | None = None
        try:
            if is_shared(str(self._folder)):
                raise WatchError("it may be on a network share")
            made = Watch()
            made.add(str(self._folder))
        except OSError as error:
            if made is not None:
                made.close()
            self._poll_instead(error)
            return
        self._watch, self._next_look, self._look = made, 0.0, None

    def _poll_instead(self, error: OSError) -> None:
        self._watchable, self._watch = False, None
        why = error.strerror or str(error)
        log.info("interface %s: the folder is polled: %s", self.interface.name, why)

    def _heed(self, watch: Watch, now: float) -> None:
        changes = watch.changes()
        if changes.lost:
            self._watch = None  # closed by `_run`; the folder is looked through and watched anew
            self._next_look, self._look = 0.0, None
        renamed = self.interface.complete == "renamed"
        for name in changes.complete if renamed else changes.complete | changes.written:
            with suppress(OSError):
                status = os.stat(self._folder / name)
                if stat.S_ISREG(status.st_mode) and self._wanted(os.path.basename(name)):
                    self._notice(name, Stamp(status.st_size, status.st_mtime_ns, status.st_ino), now)
        if self._more and self.interface.complete == "marker":
            self._next_look = min(self._next_look, now + self.interface.poll_seconds)
        if self.interface.subfolders and changes.folders:
            self._next_look, self._look = 0.0, None

    def _looking(self, clock: Callable[[], float]) -> Iterator[int]:
        """Look through the folder; after each slice the number of files taken right away."""
        present: list[str] | None = [] if self._taken.too_many else None
        taken = 0
        self._more = False
        entries = self._entries()
        while slice_ := list(islice(entries, SLICE)):
            if present is not None:
                present += [name for name, _ in slice_]
            if self._skip_existing:
                self._taken.note((name, stamp, b"") for name, stamp in slice_)
                slice_ = []
            for name, stamp in self._taken.others(slice_):
                if self._notice(name, stamp, clock()) and self._is_old(stamp):
                    taken += self._take(name, stamp, clock())
            yield taken
            taken = 0
        if not self._missing:
            self._skip_existing = False
            if present is not None:
                self._taken.forget_others(present)

    def _entries(self) -> Iterator[tuple[str, Stamp]]:
        folders = deque([""])
        while folders:
            inside = folders.popleft()
            try:
                with os.scandir(self._folder / inside) as entries:
                    for entry in entries:
                        name = f"{inside}/{entry.name}" if inside else entry.name
                        with suppress(OSError):
                            if self._wanted(entry.name) and entry.is_file():
                                status = entry.stat()
                                yield name, Stamp(status.st_size, status.st_mtime_ns, status.st_ino)
                            elif self._is_folder(entry):
                                folders.append(name)
                                self._add_watch(name)
            except OSError as error:
                if inside:
                    continue
                if not isinstance(error, FileNotFoundError):
                    raise
                if not self._missing:
                    self._missing = True
                    log.warning("interface %s: its folder does not exist yet", self.interface.name)
                return
        self._missing = False

    def _add_watch(self, name: str) -> None:
        if self._watch is not None:
            try:
                self._watch.add(str(self._folder), name)
            except OSError as error:
                self._poll_instead(error)

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        return (
            self.interface.subfolders
            and not entry.name.startswith(".")
            and entry.is_dir(follow_symlinks=False)
        )

    def _wanted(self, name: str) -> bool:
        return self._pattern.match(name) is not None and self._ignored.match(name) is None

    def _notice(self, name: str, stamp: Stamp, now: float) -> bool:
        """Make a file a candidate unless it is known as it is; True if it is one."""
        candidate = self._candidates.get(name)
        if candidate is not None and candidate.stamp == stamp:
            return True
        known = self._taken.find(name)
        if known is not None and known.stamp == stamp:
            self._candidates.pop(name, None)
            return False
        if candidate is None and len(self._candidates) >= MOST_CANDIDATES:
            self._more = True
            return False
        self._candidates[name] = _Candidate(stamp, now)
        return True

    def _settle(self, now: float) -> int:
        """Take the candidates that are complete, oldest first."""
        due = [item for item in list(self._candidates.items()) if self._is_complete(*item, now)]
        stamps = [(self._candidates[name].stamp, name) for name, _ in due]
        stamps.sort(key=lambda item: (item[0].mtime_ns, item[1]))
        return sum(self._take(name, stamp, now) for stamp, name in stamps)

    def _is_complete(self, name: str, candidate: _Candidate, now: float) -> bool:
        how = self.interface.complete
        if candidate.since > now or (
            how == "settled" and now - candidate.since < self.interface.settle_seconds
        ):
            return False
        try:
            status = os.stat(self._folder / name)
        except OSError:
            del self._candidates[name]
            return False
        stamp = Stamp(status.st_size, status.st_mtime_ns, status.st_ino)
        if stamp != candidate.stamp:
            self._candidates[name] = _Candidate(stamp, now)
            if how == "settled":
                return False
        return how != "marker" or self._is_marked(name)

    def _is_marked(self, name: str) -> bool:
        folder, marker = (self._folder / name).parent, self.interface.marker
        base = os.path.basename(name)
        return any((folder / marker.replace("*", one)).exists() for one in {base, os.path.splitext(base)[0]})

    def _stamp(self, name: str) -> Stamp | None:
        try:
            status = os.stat(self._folder / name)
        except OSError:
            return None
        return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)

    def _is_old(self, stamp: Stamp) -> bool:
        if self.interface.complete != "settled":
            return False
        return time.time() - stamp.mtime_ns / 1e9 > max(SETTLED_LONG_AGO, self.interface.settle_seconds)

    def _take(self, name: str, stamp: Stamp, now: float) -> int:
        try:
            taken = self._taker.take(name, stamp)
        except Exception as error:  # this file is tried again later; the others must not wait for it
            self.counted.unreadable += 1
            log.error("interface %s: a file was not read: %s", self.interface.name, type(error).__name__)
            taken = None
        if taken is None:
            present = self._stamp(name) or stamp
            later = now + RETRY_SECONDS if present == stamp else now
            self._candidates[name] = _Candidate(present, later)
            return 0
        self._candidates.pop(name, None)
        return int(taken)


def mount(interface: FolderInterface, ground: Ground) -> Tap:
    """The tap of a folder."""
    sink = Batched(ground.spool)
    seen = FirstSeen(ground.state / "x12-seen.sqlite3") if interface.format == "x12" else None
    observer = file_observer(interface, ground.keys, sink, seen)
    close = seen.close if seen is not None else _nothing
    return FolderTap(interface, observer, ground.state / f"{interface.name}.sqlite3", sink.flush, close)
