"""Where an interface says `context: start`: requests without trace context get some, nothing else changes.

A `relay_sides.Rewriter`. The added header names the span that is recorded for the request, so that whoever
continues the trace is its child. Whatever is not understood passes as it came.
"""

from __future__ import annotations

from collector.taps.http import HttpCounters, HttpWatcher
from collector.taps.observe_http import HttpObserver
from tracing.context import format_traceparent
from tracing.protocols.http_inject import HeaderStarter


class StartingWatcher(HttpWatcher):
    """Looks on at one connection, and adds `traceparent` where there is none."""

    def __init__(self, observer: HttpObserver, counters: HttpCounters) -> None:
        super().__init__(observer, counters)
        self._starter = HeaderStarter(b"traceparent", self._start)
        self._arrived_ns = 0
        self._blind = False

    def rewrite(self, data: bytes, now_ns: int) -> bytes:
        """What goes on to the server now that `data` has come. Never raises, never loses a byte."""
        self._arrived_ns = now_ns
        changed = self._starter.feed(data)
        if not self._blind:
            try:
                self.request(data, now_ns)
            except Exception:  # whatever happens to its record, the request passes
                self._blind = True
                self._observer.unseen += 1
        return changed

    def release(self) -> bytes:
        """An unfinished head, as it came."""
        return self._starter.release()

    def settled(self, switched: bool) -> None:
        """An offer to change the protocol has been declined or taken."""
        self._starter.answered(switched)

    def _start(self, has_one: bool) -> bytes:
        if has_one:
            self.started.append(None)
            return b""
        context = self._observer.start(self._arrived_ns)
        self.started.append(context)
        return format_traceparent(context).encode("ascii")
