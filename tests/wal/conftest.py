"""A log in a folder of the test's own, and a store that does what the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.wal import Wal
from tracing.store import StoreRefused, StoreUnavailable

MakeWal = Callable[..., Wal]


@pytest.fixture
def make_wal(tmp_path: Path) -> Iterator[MakeWal]:
    """Opens logs in one folder, one after another; the last one is closed at the end."""
    opened: list[Wal] = []

    def make(**options: Any) -> Wal:
        options.setdefault("segment_age", 0.02)
        options.setdefault("reserve_bytes", 0)
        wal = Wal(tmp_path / "wal", **options)
        opened.append(wal)
        return wal

    yield make
    for wal in opened:
        wal.close()


class RecordingStore:
    """Keeps what is inserted, once per token, as the engine does. Bodies may be made poisonous."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inserted: dict[str, bytes] = {}
        self.calls = 0
        self.down = False
        self.poison: set[bytes] = set()

    def handle(self) -> RecordingStore:
        return self

    def close(self) -> None:
        pass

    def insert_otlp(self, body: bytes, token: str) -> None:
        with self.lock:
            self.calls += 1
            if self.down:
                raise StoreUnavailable("connection refused")
            for poison in self.poison:
                if poison in body:
                    raise StoreRefused("cannot parse the field", code=6)
            self.inserted.setdefault(token, body)

    @property
    def content(self) -> bytes:
        with self.lock:
            return b"".join(self.inserted.values())


@pytest.fixture
def recording_store() -> RecordingStore:
    return RecordingStore()
