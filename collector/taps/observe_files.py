"""What every observer of files has: places, troubles, batches of spans, and times.

Implemented by `observe_x12`, `observe_flat`, `observe_lines` and `observe_hl7_file`; called by the folder
tap and by replay. An observer must never raise, and never let a file's name or content out except as codes,
numbers, control numbers and tokens.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import NamedTuple, Protocol

from collector.taps.config import AnyInterface
from collector.taps.hops import Emitter, Hop, KeyEncoder, Sink, encode_body_size, encode_unread
from tracing import attributes as names
from tracing import spans
from tracing.context import message_trace_id

MOST_TROUBLES = 100
BATCH = 500
RECEIVE = spans.attribute(names.OPERATION_NAME, "receive")
_at = spans.int_attribute(names.UNREAD_AT)
_count = spans.int_attribute(names.UNREAD_COUNT)


class Trouble(NamedTuple):
    """Something in a file: what, where (`byte 106` or `line 3`), and whether it kept something unread."""

    what: str
    where: str
    unread: bool


class FileObserver(Protocol):
    """Reads the files of one interface.

    `unread` counts what could not be read, for good; `troubles` are those of the file read last, the first
    `MOST_TROUBLES` of them; `place` is the byte or line of what is being recorded.
    """

    @property
    def unread(self) -> int: ...

    @property
    def troubles(self) -> list[Trouble]: ...

    @property
    def place(self) -> int: ...

    def observe(self, data: bytes, at_ns: int, *, skip: int = 0, zone: tzinfo | None = None) -> int:
        """Record what is in a file that was complete at `at_ns`; the number of spans.

        `skip` bytes were read before. With `zone`, history: each message is recorded at the time it names
        itself, in that zone where it names none, and at `at_ns` where it has no time.
        """
        ...

    def refuse(self, why: str, size: int, at_ns: int) -> None:
        """Record a file of `size` bytes that is not read at all."""
        ...


class Batched:
    """A sink that hands spans over by the hundred, because a file brings many at once."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._scope = b""
        self._waiting: list[bytes] = []
        self._count = 0

    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        """Take `count` spans of one scope."""
        if scope != self._scope or self._count >= BATCH:
            self.flush()
            self._scope = scope
        self._waiting.append(encoded)
        self._count += count
        return True

    def flush(self) -> None:
        """Hand over what waits."""
        if self._waiting:
            self._sink.append(self._scope, b"".join(self._waiting), self._count)
            self._waiting.clear()
            self._count = 0


class Recorder:
    """Spans of one interface's files: counted, with the troubles of the file at hand."""

    def __init__(self, interface: AnyInterface, keys: KeyEncoder, sink: Sink) -> None:
        self.unread = 0
        self.troubles: list[Trouble] = []
        self.place = 0
        self.emitter = Emitter(interface, sink, keys)
        self.recorded = 0
        self._bad = 0
        self._first_bad = 0
        self._receive = f"receive {interface.name}".encode()

    def begin(self) -> None:
        """A new file."""
        self.troubles = []
        self.recorded = self._bad = self.place = 0

    def trouble(self, what: str, unit: str, place: int, unread: bool) -> None:
        """Note one; `unread` if something could not be read because of it."""
        if len(self.troubles) < MOST_TROUBLES:
            self.troubles.append(Trouble(what, f"{unit} {place}", unread))
        if unread:
            self._first_bad = place if not self._bad else min(place, self._first_bad)
            self._bad += 1

    def hop(self, identity: bytes, at_ns: int, trace: bytes, head: bytes, span: bytes = b"") -> Hop:
        """A point in time; `span` where it is derived otherwise than from identity and time."""
        emitter = self.emitter
        own = trace or message_trace_id(emitter.site_key, emitter.name, b"%d|%b" % (at_ns, identity[:4096]))
        hop = Hop(emitter.scope, own, span or emitter.span_id(identity, at_ns), at_ns, "", head)
        hop.end_ns = at_ns
        return hop

    def record(self, hop: Hop, outcome: str, name: bytes = b"") -> None:
        """Hand one hop over."""
        hop.outcome = outcome
        self.emitter.emit(hop, name or self._receive, spans.KIND_CONSUMER, b"")
        self.recorded += 1

    def refuse(self, why: str, size: int, at_ns: int, identity: bytes = b"", tail: bytes = b"") -> None:
        """Record that a file, or some of it, could not be read."""
        self.unread += 1
        head = RECEIVE + encode_body_size(size) + encode_unread(why) + tail
        self.record(self.hop(identity or b"%s|%d" % (why.encode(), size), at_ns, b"", head), "error")

    def end(self, data: bytes, at_ns: int, why: str) -> int:
        """The file has been read: record what of it was not, as one span; the number of spans."""
        if self._bad:
            bad, self._bad = self._bad, 0
            self.unread += bad - 1
            self.place = self._first_bad
            self.refuse(why, len(data), at_ns, data, _at(self._first_bad) + _count(bad))
        return self.recorded


class Recorded:
    """The part of a `FileObserver` that is its recorder's; a format adds `observe`."""

    _record: Recorder

    @property
    def unread(self) -> int:
        """Places, rows, lines or files that could not be read."""
        return self._record.unread

    @property
    def troubles(self) -> list[Trouble]:
        """Of the file read last."""
        return self._record.troubles

    @property
    def place(self) -> int:
        """Byte or line of what is being recorded."""
        return self._record.place

    def refuse(self, why: str, size: int, at_ns: int) -> None:
        """Record a file that is not read at all."""
        self._record.begin()
        self._record.refuse(why, size, at_ns)
