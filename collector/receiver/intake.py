"""From a body to a promise: check it, append it to the log, and say what the client is to hear.

Shared by the HTTP and the gRPC shell, and by checkpoints. It must never answer before the log has synced; it
knows nothing of either transport.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from collector.receiver.limits import Limits
from collector.receiver.metrics import Metrics
from collector.receiver.refusal import Refusal, later
from collector.receiver.validate import Checked
from collector.wal import DiskFull, Wal, WalError, WalFull


class Intake:
    """The one way into the log, with the account of what is in flight. Thread-safe."""

    def __init__(self, wal: Wal, limits: Limits, metrics: Metrics) -> None:
        self.wal = wal
        self.limits = limits
        self.metrics = metrics
        self._lock = threading.Lock()
        self._in_flight = 0

    @contextmanager
    def reserve(self) -> Iterator[Reservation]:
        """Account for one request while it is in memory."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self._grow(-reservation.size)

    def _grow(self, size: int) -> bool:
        with self._lock:
            if size > 0 and self._in_flight and self._in_flight + size > self.limits.in_flight_bytes:
                return False
            self._in_flight += size
            return True

    def append(self, checked: Checked) -> Future[None] | None:
        """Start to make a checked body durable; None when there is nothing to keep. Raises Refusal."""
        if not checked.body:
            self.metrics.accepted(0, checked.rejected, 0)
            return None
        try:
            return self.wal.append(checked.body)
        except WalError as error:
            raise self.refusal(error) from error

    def durable(self, checked: Checked) -> None:
        """Count a body whose future has resolved."""
        self.metrics.accepted(checked.spans, checked.rejected, len(checked.body))

    def refusal(self, error: WalError) -> Refusal:
        """What a client hears when the log cannot take its body: always "come again"."""
        if isinstance(error, WalFull):
            text = "too much is waiting for the store; nothing of this request was kept"
        elif isinstance(error, DiskFull):
            text = "the collector's disk is full; nothing of this request was kept"
        else:
            text = "the collector could not make this request durable; nothing of it was kept"
        return later(503, text, self.limits.retry_after_s)


class Reservation:
    """Bytes of one request that count against the limit of all."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.size = 0

    def grow(self, size: int) -> None:
        """Raises Refusal (429) when all requests together would be too large; one alone always fits."""
        if not self._intake._grow(size):
            limits = self._intake.limits
            raise later(429, "too many requests at once", limits.retry_after_s)
        self.size += size
