"""Where an interface says `context: inject` or `strip`: the one thing of a tap that changes a message.

A `relay_sides.Rewriter`. A message is held until it is complete, then passes with the `ZTC` segment or not.
Whatever else comes, and whatever cannot be changed or is too long to be held, passes as it came.
"""

from __future__ import annotations

from collector.taps.awaiting import Awaiting
from collector.taps.config import MllpInterface
from collector.taps.hops import Hop
from collector.taps.mllp import MllpCounters, MllpWatcher, between_blocks
from collector.taps.observe_hl7 import Hl7Observer
from tracing.context import SpanContext, format_traceparent
from tracing.protocols.hl7v2_context import inject, strip
from tracing.protocols.mllp import Frame, Junk

_SAMPLED = 1


class ContextWatcher(MllpWatcher):
    """Looks on at one connection, and puts context into its messages or takes it out."""

    def __init__(
        self,
        interface: MllpInterface,
        observer: Hl7Observer,
        counters: MllpCounters,
        awaiting: Awaiting | None = None,
    ) -> None:
        super().__init__(interface, observer, counters, awaiting)
        self._inject = interface.context == "inject"

    def rewrite(self, data: bytes, now_ns: int) -> bytes:
        """What goes on to the receiver now that `data` has come. Never raises, never loses a byte."""
        if self._requests_clean and self.is_block(data):
            return self._passed(Frame(data[1:-2], data), now_ns)
        items = self._requests.feed(data)
        self._requests_clean = between_blocks(self._requests, items)
        if self._requests.awaiting_cr:
            items += self._requests.flush()
        return b"".join([self._passed(item, now_ns) for item in items])

    def release(self) -> bytes:
        """An unfinished message, as it came."""
        return b"".join(item.raw for item in self._requests.close())

    def _passed(self, item: Frame | Junk, now_ns: int) -> bytes:
        try:
            if isinstance(item, Junk):
                self._junk(item, now_ns)
                return item.raw
            if item.commit is not None or not item.payload.strip():
                self._frame(item, now_ns)
                return item.raw
            hop = self._read(item.payload, now_ns)
            self._message(hop)
            payload = self._changed(hop, item.payload)
            return (
                item.raw if payload is item.payload else b"\x0b" + payload + item.raw[len(item.payload) + 1 :]
            )
        except Exception:  # whatever happens to its record, the message passes
            self._observer.unseen += 1
            return item.raw

    def _changed(self, hop: Hop, payload: bytes) -> bytes:
        if not self._inject:
            return strip(payload)
        return inject(payload, format_traceparent(SpanContext(hop.trace_id, hop.span_id, _SAMPLED)))
