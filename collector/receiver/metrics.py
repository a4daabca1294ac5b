"""Numbers about the receiver itself, and the page Prometheus reads.

Counted by the HTTP and gRPC shells. Labels come from fixed lists here; nothing of a message may become one.
"""

from __future__ import annotations

import threading
from collections import Counter

from collector.wal import Wal, Writer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Thread-safe counters since the start of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._spans = self._rejected = self._bytes = self._checkpoints = 0

    def request(self, transport: str, code: str) -> None:
        """One answered request; `transport` "http" or "grpc", `code` an HTTP status or a gRPC code's name."""
        with self._lock:
            self._requests[transport, code] += 1

    def accepted(self, spans: int, rejected: int, size: int) -> None:
        """Spans that are durable now, spans that were not taken, and the bytes kept."""
        with self._lock:
            self._spans += spans
            self._rejected += rejected
            self._bytes += size

    def checkpoints(self, number: int) -> None:
        with self._lock:
            self._checkpoints += number

    def render(self, wal: Wal, writer: Writer | None) -> str:
        """The exposition in Prometheus' text format."""
        with self._lock:
            requests = sorted(self._requests.items())
            page = _Page()
            page.family("caretrail_receiver_requests_total", "counter", "Answered requests.")
            for (transport, code), number in requests:
                page.sample(number, transport=transport, code=code)
            page.one("caretrail_receiver_spans_total", "counter", "Spans made durable.", self._spans)
            page.one(
                "caretrail_receiver_rejected_spans_total",
                "counter",
                "Spans with unusable ids.",
                self._rejected,
            )
            page.one("caretrail_receiver_bytes_total", "counter", "Bytes made durable.", self._bytes)
            page.one(
                "caretrail_receiver_checkpoints_total", "counter", "Checkpoints taken.", self._checkpoints
            )
        state = wal.status()
        page.one("caretrail_wal_pending_bytes", "gauge", "Bytes waiting for the store.", state.pending_bytes)
        page.one("caretrail_wal_limit_bytes", "gauge", "Bytes that may wait.", state.limit_bytes)
        page.one("caretrail_wal_pending_segments", "gauge", "Segments waiting.", state.pending_segments)
        page.one(
            "caretrail_wal_oldest_seconds", "gauge", "Age of the oldest waiting.", state.oldest_age_s or 0.0
        )
        page.one("caretrail_wal_syncs_total", "counter", "Syncs to disk.", state.syncs)
        page.one("caretrail_wal_sync_seconds_total", "counter", "Time in syncs.", state.sync_seconds)
        page.one("caretrail_wal_repeated_total", "counter", "Bodies sent again.", state.repeated)
        page.one("caretrail_wal_disk_full", "gauge", "1 while the disk is full.", int(state.disk_full))
        page.one("caretrail_wal_refused", "gauge", "Bodies set aside.", len(state.refused))
        if writer is not None:
            stored = writer.status()
            page.one("caretrail_writer_segments_total", "counter", "Segments stored.", stored.segments)
            page.one("caretrail_writer_bytes_total", "counter", "Bytes stored.", stored.bytes)
            page.one(
                "caretrail_writer_insert_seconds_total", "counter", "Time in inserts.", stored.insert_seconds
            )
            page.one("caretrail_writer_retries_total", "counter", "Failed inserts.", stored.retries)
            page.one(
                "caretrail_writer_store_up", "gauge", "0 while inserts fail.", int(stored.failing is None)
            )
        return page.text()


class _Page:
    def __init__(self) -> None:
        self._lines: list[str] = []
        self._name = ""

    def family(self, name: str, kind: str, meaning: str) -> None:
        self._name = name
        self._lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]

    def sample(self, value: float, **labels: str) -> None:
        inside = ",".join(f'{label}="{text}"' for label, text in labels.items())
        self._lines.append(f"{self._name}{'{' + inside + '}' if inside else ''} {value}")

    def one(self, name: str, kind: str, meaning: str, value: float) -> None:
        self.family(name, kind, meaning)
        self.sample(value)

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"
