"""The write-ahead log: append, one fsync for all who wait, then resolve.

The receiver's threads append; the writer's threads take sealed segments. A future that resolves without an
exception is a promise that the body survives a crash at any later byte. The log must never resolve one before
the sync, and never lose its place when the disk is full.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from collector.wal import segments
from collector.wal.active import Active, Waiting, lock
from collector.wal.errors import DiskFull, WalClosed, WalError, WalFull
from collector.wal.files import Files
from collector.wal.records import HEADER, header
from collector.wal.refused import RefusedFolder
from collector.wal.segments import Record, Segment
from collector.wal.status import WalStatus

log = logging.getLogger(__name__)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FREE_LOOK_EVERY = 1.0


class Wal:
    """A folder of segments. Thread-safe. One process per folder (WalLocked otherwise).

    `segment_bytes`: a segment is sealed at this size. `segment_age`: seconds after which a writer that has
    nothing to do may seal what there is; a busy writer lets the segment grow, so batches grow with the load.
    `limit_bytes`: pending bytes from which on appends raise WalFull. `reserve_bytes`: free disk space that is
    left to the store, which must be able to insert what is pending before anything is freed here.
    `repeat_window`: how many last bodies are remembered, so that a body a client sends again is stored once.
    `memory_bytes`: pending bodies kept in memory too, so that they need not be read and checked again; by
    itself three segments, one that fills and one for each of two writers.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = 64 << 20,
        segment_age: float = 0.2,
        limit_bytes: int = 1 << 30,
        reserve_bytes: int = 64 << 20,
        repeat_window: int = 4096,
        memory_bytes: int | None = None,
        files: Files | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._segment_age = segment_age
        self._limit = limit_bytes
        self._reserve = reserve_bytes
        self._files = files or Files()
        self._clock = clock
        self._monotonic = monotonic
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_file = lock(directory)
        self._refused = RefusedFolder(directory / "refused", self._files, clock)

        self._state = threading.Condition()
        self._queue: list[Waiting] = []
        self._queued_bytes = 0
        self._sealed: deque[Segment] = deque(segments.recover(directory, self._files, self._refused))
        self._taken: dict[int, Segment] = {}
        self._active: Active | None = None
        self._next = max((segment.number for segment in self._sealed), default=0) + 1
        self._stored_bytes = sum(segment.size for segment in self._sealed)
        self._recent: OrderedDict[bytes, Future[None]] = OrderedDict()
        self._repeat_window = repeat_window
        self._memory = 3 * segment_bytes if memory_bytes is None else memory_bytes
        self._committing = False
        self._seal_wanted = False
        self._closed = False
        self._disk_full = False
        self._last_error: str | None = None
        self._next_free_look = 0.0
        self._appended = self._repeated = self._syncs = 0
        self._sync_seconds = 0.0
        self._flusher = threading.Thread(target=self._run, name="wal-flusher", daemon=True)
        self._flusher.start()

    @property
    def directory(self) -> Path:
        return self._directory

    def append(self, body: bytes) -> Future[None]:
        """Queue a body; the future resolves when it is durable, or fails with DiskFull or WalError.

        A body that was accepted a moment ago, or is being accepted, resolves with the first one and is not
        written again (OTLP clients re-send what was not acknowledged in time). Raises WalFull, WalClosed.
        """
        digest = hashlib.sha256(body).digest()
        with self._state:
            if self._closed:
                raise WalClosed("the write-ahead log is closed")
            known = self._recent.get(digest)
            if known is not None:
                self._repeated += 1
                return known
            size = HEADER.size + len(body)
            pending = self._stored_bytes + self._queued_bytes
            if pending + size > self._limit:
                raise WalFull(f"{pending} of {self._limit} bytes are waiting for the store")
            future: Future[None] = Future()
            # A caller that goes away must not cancel what others may be waiting for too.
            future.set_running_or_notify_cancel()
            self._recent[digest] = future
            if len(self._recent) > self._repeat_window:
                self._recent.popitem(last=False)
            self._queue.append(Waiting(body, future, digest))
            self._queued_bytes += size
            self._state.notify_all()
        return future

    # ------------------------------------------------------------------ the flusher's side

    def _run(self) -> None:
        while True:
            with self._state:
                while not self._queue and not self._closed:
                    self._state.wait()
                batch, self._queue = self._queue, []
                if not batch:
                    self._seal()
                    self._state.notify_all()
                    return
                self._committing = True
            error = self._commit(batch)
            with self._state:
                self._committing = False
                self._queued_bytes -= sum(HEADER.size + len(waiting.body) for waiting in batch)
                if error is not None:
                    self._last_error = str(error)
                    for waiting in batch:
                        self._recent.pop(waiting.digest, None)
                else:
                    self._appended += len(batch)
                active = self._active
                if active is not None and (self._seal_wanted or active.size >= self._segment_bytes):
                    self._seal()
                self._seal_wanted = False
                self._state.notify_all()
            for waiting in batch:
                if error is None:
                    waiting.future.set_result(None)
                else:
                    waiting.future.set_exception(error)

    def _commit(self, batch: list[Waiting]) -> WalError | None:
        """Write and sync a batch. None, or why nothing of it counts; the log is then as it was before."""
        active = self._active
        try:
            self._look_for_room()
            if active is None:
                active = self._open()
            buffers: list[bytes] = []
            for waiting in batch:
                buffers.append(header(waiting.body))
                buffers.append(waiting.body)
            written = self._files.write(active.descriptor, buffers, active.size)
            began = self._monotonic()
            self._files.sync(active.descriptor)
            took = self._monotonic() - began
        except OSError as error:
            return self._step_back(active, error)
        except DiskFull as error:
            self._disk_full = True
            return error
        with self._state:
            self._syncs += 1
            self._sync_seconds += took
            if not active.records:
                active.since, active.opened = self._clock(), self._monotonic()
            if active.kept is not None and self._memory >= written:
                active.kept += batch
                self._memory -= written
            elif active.kept is not None:
                self._memory += active.size
                active.kept = None
            active.size += written
            active.records += len(batch)
            self._stored_bytes += written
            self._disk_full = False
        return None

    def _open(self) -> Active:
        path = segments.path_of(self._directory, self._next)
        active = Active(self._next, path, self._files.create(path))
        with self._state:
            self._next += 1
            self._active = active
        return active

    def _look_for_room(self) -> None:
        now = self._monotonic()
        if now < self._next_free_look and not self._disk_full:
            return
        self._next_free_look = now + _FREE_LOOK_EVERY
        free = self._files.free_bytes(self._directory)
        if free < self._reserve:
            raise DiskFull(f"{free} bytes are free on the log's disk, {self._reserve} are kept for the store")

    def _step_back(self, active: Active | None, error: OSError) -> WalError:
        """Cut off what a failed write left, and leave the file: after a failed sync its pages are unknown."""
        if active is not None:
            try:
                self._files.truncate(active.descriptor, active.size)
            except OSError as second:
                # The sealed size says where the sound part ends; at a restart, recovery finds the same place.
                log.warning("could not cut the torn end of %s: %s", active.path.name, second.strerror)
            with self._state:
                self._seal()
        if error.errno in _NO_ROOM:
            self._disk_full = True
            return DiskFull(f"no room for the record: {error.strerror}")
        return WalError(f"the record could not be made durable: {error.strerror or error}")

    def _seal(self) -> None:
        """Under the lock, no commit running: hand the active segment to the writers."""
        active, self._active = self._active, None
        if active is None:
            return
        try:
            self._files.close(active.descriptor)
        except OSError as error:
            log.warning("closing %s: %s", active.path.name, error.strerror)
        if active.records:
            self._sealed.append(active.sealed())
            return
        try:
            self._files.unlink(active.path)
        except OSError as error:
            log.warning("removing the empty %s: %s", active.path.name, error.strerror)

    # ------------------------------------------------------------------ the writer's side

    def take(self, timeout: float) -> Segment | None:
        """The oldest sealed segment, the caller's until `done` or `give_back`; None after `timeout` seconds.

        A caller that finds none seals the active segment once it is `segment_age` old.
        """
        until = self._monotonic() + timeout
        with self._state:
            while True:
                if self._sealed:
                    segment = self._sealed.popleft()
                    self._taken[segment.number] = segment
                    return segment
                now = self._monotonic()
                wake = until
                active = self._active
                if active is not None and active.records:
                    ripe = active.opened + self._segment_age
                    if now >= ripe:
                        if not self._committing:
                            self._seal()
                            continue
                        self._seal_wanted = True
                    else:
                        wake = min(until, ripe)
                if now >= until:
                    return None
                self._state.wait(max(wake - now, 0.001))

    def read(self, segment: Segment) -> list[Record]:
        """The records of a taken segment. Raises WalDamaged."""
        return segments.read(self._files, segment)

    def done(self, segment: Segment) -> None:
        """The segment is in the store (or set aside): remove it."""
        try:
            self._files.unlink(segment.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            # It is inserted again after the next start, under the same token: harmless.
            log.warning("removing %s: %s", segment.path.name, error.strerror)
        with self._state:
            self._taken.pop(segment.number, None)
            self._stored_bytes -= segment.size
            if segment.bodies is not None:
                self._memory += segment.size
            self._state.notify_all()

    def give_back(self, segment: Segment) -> None:
        """The caller stops without having stored the segment; another may take it."""
        with self._state:
            self._taken.pop(segment.number, None)
            self._sealed.appendleft(segment)
            self._state.notify_all()

    def abandon(self, segment: Segment, error: str) -> None:
        """A taken segment cannot be read: move its file to the set-aside folder, where people find it."""
        self._refused.move(segment.path, error)
        self.done(segment)

    def set_aside(self, body: bytes, error: str) -> str:
        """Put a body the store refuses into the set-aside folder; durable on return."""
        return self._refused.set_aside(body, error)

    def requeue_refused(self) -> int:
        """Append every set-aside body again (after the cause was mended); how many. Raises WalError."""
        count = 0
        for entry in self._refused.entries():
            if entry.requeueable:
                body = self._refused.body(entry)
                with self._state:
                    self._recent.pop(hashlib.sha256(body).digest(), None)
                self.append(body).result()
                self._refused.forget(entry)
                count += 1
        return count

    # ------------------------------------------------------------------ for people

    def closed_for(self) -> str | None:
        """Why an append would fail right now, or None. Looks at the disk, so it notices room by itself."""
        with self._state:
            if self._closed:
                return "the write-ahead log is closed"
            if self._stored_bytes + self._queued_bytes >= self._limit:
                return f"the write-ahead log is full ({self._limit} bytes wait for the store)"
        try:
            free = self._files.free_bytes(self._directory)
        except OSError as error:
            return f"the log's disk does not answer: {error.strerror}"
        if free < self._reserve:
            return f"the log's disk is full ({free} bytes free, {self._reserve} are kept for the store)"
        return None

    def status(self) -> WalStatus:
        refused = self._refused.entries()
        now = self._clock()
        with self._state:
            active = self._active
            waiting = [*self._sealed, *self._taken.values()]
            times = [segment.since for segment in waiting]
            if active is not None and active.records:
                times.append(active.since)
            return WalStatus(
                pending_bytes=self._stored_bytes + self._queued_bytes,
                pending_segments=len(times),
                limit_bytes=self._limit,
                oldest_age_s=max(now - min(times), 0.0) if times else None,
                appended=self._appended,
                repeated=self._repeated,
                syncs=self._syncs,
                sync_seconds=self._sync_seconds,
                disk_full=self._disk_full,
                last_error=self._last_error,
                refused=refused,
            )

    def close(self) -> None:
        """Make durable what is queued, then stop. Whatever is pending is found at the next start."""
        with self._state:
            if self._closed:
                return
            self._closed = True
            self._state.notify_all()
        self._flusher.join()
        os.close(self._lock_file)
