"""Drains sealed segments into the store: one insert per segment, retried until it is in or refused.

Started once by the core. Each thread has its own store handle. The writer must never drop a segment: it ends
in the store, or body by body in the set-aside folder, or waits.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from collector.wal.errors import WalDamaged
from collector.wal.log import Wal
from collector.wal.segments import Record, Segment, token
from tracing.store import StoreRefused, StoreUnavailable

log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_IDLE_WAIT = 0.5
# An error the store does not classify is tried this often before its bodies are set aside.
_UNKNOWN_TRIES = 4


class Inserts(Protocol):
    """The part of `tracing.store.Store` the writer needs."""

    def insert_otlp(self, body: bytes, token: str) -> None: ...

    def close(self) -> None: ...


class Handles(Protocol):
    """A store that gives each thread a handle of its own."""

    def handle(self) -> Inserts: ...


@dataclass(frozen=True, slots=True)
class WriterStatus:
    """Since the start. `failing`: the last error while the store cannot be reached, else None."""

    segments: int
    bodies: int
    bytes: int
    refused_bodies: int
    insert_seconds: float
    retries: int
    failing: str | None


class Writer:
    """Threads that insert what the log seals. `start`, then `stop` (which may first drain the log)."""

    def __init__(self, wal: Wal, store: Handles, *, threads: int = 2) -> None:
        self._wal = wal
        self._store = store
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, name=f"wal-writer-{number}", daemon=True)
            for number in range(threads)
        ]
        self._segments = self._bodies = self._bytes = self._refused = self._retries = 0
        self._insert_seconds = 0.0
        self._failing: str | None = None

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, *, drain: float = 0.0) -> bool:
        """Stop the threads, after up to `drain` seconds of storing what is pending. True when nothing is."""
        until = time.monotonic() + drain
        while time.monotonic() < until and self._wal.status().pending_bytes:
            time.sleep(0.02)
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        return self._wal.status().pending_bytes == 0

    def status(self) -> WriterStatus:
        with self._lock:
            return WriterStatus(
                self._segments,
                self._bodies,
                self._bytes,
                self._refused,
                self._insert_seconds,
                self._retries,
                self._failing,
            )

    def _run(self) -> None:
        store = self._store.handle()
        try:
            while not self._stop.is_set():
                segment = self._wal.take(_IDLE_WAIT)
                if segment is not None:
                    self._store_segment(store, segment)
        finally:
            store.close()

    def _store_segment(self, store: Inserts, segment: Segment) -> None:
        try:
            records = self._wal.read(segment)
        except WalDamaged as error:
            self._wal.abandon(segment, str(error))
            return
        if not self._insert(store, records):
            self._wal.give_back(segment)
            return
        self._wal.done(segment)
        with self._lock:
            self._segments += 1
            self._bodies += len(records)
            self._bytes += segment.size
            self._failing = None

    def _insert(self, store: Inserts, records: list[Record]) -> bool:
        """Store the bodies, setting aside those the store refuses. False: stopped before they were stored."""
        whole = b"".join([record.body for record in records])
        name = token(records)
        pause = _FIRST_PAUSE
        unknown = 0
        while True:
            began = time.perf_counter()
            try:
                store.insert_otlp(whole, name)
            except StoreUnavailable as error:
                self._note_failure(str(error))
            except StoreRefused as error:
                return self._split(store, records, str(error))
            except Exception as error:
                unknown += 1
                log.exception("inserting a segment failed in an unknown way (try %d)", unknown)
                if unknown >= _UNKNOWN_TRIES:
                    return self._split(store, records, f"{type(error).__name__}: {error}")
                self._note_failure(f"{type(error).__name__}: {error}")
            else:
                with self._lock:
                    self._insert_seconds += time.perf_counter() - began
                return True
            # Full jitter, so that several threads do not come back together.
            if self._stop.wait(pause * (0.5 + random.random() / 2)):
                return False
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _split(self, store: Inserts, records: list[Record], error: str) -> bool:
        """Halve until the refused body stands alone. Each part has its own token, so a crash is harmless."""
        if len(records) == 1:
            return self._set_aside(bytes(records[0].body), error)
        middle = len(records) // 2
        return self._insert(store, records[:middle]) and self._insert(store, records[middle:])

    def _set_aside(self, body: bytes, error: str) -> bool:
        pause = _FIRST_PAUSE
        while True:
            try:
                self._wal.set_aside(body, error)
            except OSError as problem:
                # The disk is full: the segment keeps the body until there is room.
                self._note_failure(f"setting aside a refused body: {problem.strerror or problem}")
            else:
                with self._lock:
                    self._refused += 1
                return True
            if self._stop.wait(pause):
                return False
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _note_failure(self, error: str) -> None:
        with self._lock:
            self._retries += 1
            first = self._failing is None
            self._failing = error
        if first:
            log.warning("the store cannot take spans; they wait in the log: %s", error)
