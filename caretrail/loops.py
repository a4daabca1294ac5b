"""Work that repeats in a thread of its own: identity, evaluation, alerts.

Used by the core. A step that fails is told once, tried again, and never ends the others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from opentelemetry.trace import NoOpTracer, StatusCode, Tracer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoopStatus:
    """`last_step`: when a step last ended well. `failing`: the last error's kind while steps fail."""

    name: str
    last_step: datetime | None = None
    failing: str | None = None


class Loop:
    """Calls `step(now)` every `every_s` seconds, each a span of `tracer`."""

    def __init__(
        self, name: str, step: Callable[[datetime], object], every_s: float, tracer: Tracer | None = None
    ) -> None:
        self._step = step
        self._tracer = tracer or NoOpTracer()
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.status = LoopStatus(name)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        self._ended.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._ended.is_set():
            now = datetime.now(UTC)
            try:
                # An exception's own text may quote values of rows, so it must not become a span's.
                with self._tracer.start_as_current_span(
                    self.status.name, record_exception=False, set_status_on_exception=False
                ) as span:
                    try:
                        self._step(now)
                    except Exception as error:
                        span.set_status(StatusCode.ERROR, type(error).__name__)
                        raise
            except Exception as error:
                # Only the kind: an engine's message may quote values of rows.
                if self.status.failing is None:
                    log.error(
                        "%s fails: %s",
                        self.status.name,
                        type(error).__name__,
                        exc_info=log.isEnabledFor(logging.DEBUG),
                    )
                self.status = replace(self.status, failing=type(error).__name__)
                self._ended.wait(max(self._every_s, 2.0))
                continue
            if self.status.failing is not None:
                log.warning("%s works again", self.status.name)
            self.status = replace(self.status, last_step=now, failing=None)
            self._ended.wait(self._every_s)
