"""The reading side of the spool: unconfirmed spans as OTLP requests, in order.

Called by the sender's thread only. A segment is read from where the last batch ended; after a restart once
from its beginning. It must never hand out a damaged record, and never skip a sound segment behind one.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

from collector.taps.spool import (
    HEADER,
    RESOURCE,
    SCOPE,
    SPANS,
    Position,
    Spool,
    checksum,
    load_cursor,
    segment_path,
    segments,
)
from tracing.spans import export_request, scope_spans

log = logging.getLogger("caretrail.tap.spool")

READ_BYTES = 512 << 10


@dataclass(frozen=True)
class Batch:
    """Spans ready to send: `body` is an ExportTraceServiceRequest, `end` what to confirm afterwards."""

    body: bytes
    spans: int
    end: Position


class _Segment:
    """One segment as far as it has been read: what it says about itself, and where the reader stands."""

    __slots__ = ("descriptor", "number", "offset", "resource", "scopes")

    def __init__(self, number: int, descriptor: int) -> None:
        self.number = number
        self.descriptor = descriptor
        self.offset = 0
        self.resource = b""
        self.scopes: dict[int, bytes] = {}


class SpoolReader:
    """Hands out what the writer has committed and nobody has confirmed."""

    def __init__(self, spool: Spool) -> None:
        self.damaged_segments = 0
        self._spool = spool
        existing = segments(spool.folder)
        first = existing[0] if existing else spool.committed.segment
        self._confirmed = max(load_cursor(spool.folder), Position(first, 0))
        self._kept = existing
        self._segment: _Segment | None = None
        self._forget()

    @property
    def waiting(self) -> bool:
        """Whether the writer has committed anything that is not confirmed."""
        return self._confirmed < self._spool.committed

    def holds(self, size: int) -> bool:
        """Whether at least `size` unconfirmed bytes are there, or a finished segment."""
        confirmed, committed = self._confirmed, self._spool.committed
        return confirmed.segment < committed.segment or committed.offset - confirmed.offset >= size

    def read(self, max_bytes: int) -> Batch | None:
        """The next spans, about `max_bytes` of them and at least one record; None if there are none.

        Without `confirm` in between it gives the same spans again. A batch never spans two segments.
        """
        while True:
            committed = self._spool.committed
            position = self._confirmed
            if position >= committed:
                return None
            if position.segment < self._spool.first:  # what lies before was dropped
                self.confirm(Position(self._spool.first, 0))
                continue
            sealed = position.segment < committed.segment
            segment = self._open(position)
            if segment is not None:
                limit = os.fstat(segment.descriptor).st_size if sealed else committed.offset
                batch = self._collect(segment, limit, max_bytes)
                if batch is not None:
                    return batch
                if not sealed:
                    self._confirmed = max(position, Position(segment.number, segment.offset))
                    return None
                if segment.offset < limit:
                    self.damaged_segments += 1
                    log.warning("segment %d: %d bytes are damaged", segment.number, limit - segment.offset)
            self.confirm(Position(position.segment + 1, 0))

    def confirm(self, end: Position) -> None:
        """Everything before `end` has arrived: it is never sent again, and finished segments are deleted."""
        self._confirmed = self._spool.confirmed = end
        if self._segment is not None and self._segment.number == end.segment:
            self._segment.offset = end.offset  # its scopes were noted when the batch was read
        self._forget()
        temporary = self._spool.folder / "cursor.new"
        try:
            temporary.write_text(f"{end.segment} {end.offset}\n", encoding="ascii")
            os.replace(temporary, self._spool.folder / "cursor")
        except OSError as error:  # a restart would send again what is known to have arrived: harmless
            log.warning("the spool's cursor cannot be written: %s", error.strerror)

    def close(self) -> None:
        """Close the segment that is being read."""
        if self._segment is not None:
            os.close(self._segment.descriptor)
            self._segment = None

    def _open(self, position: Position) -> _Segment | None:
        """The segment, read up to `position`; None if there is no such file."""
        segment = self._segment
        if segment is None or segment.number != position.segment or segment.offset > position.offset:
            self.close()
            try:
                path = segment_path(self._spool.folder, position.segment)
                segment = _Segment(position.segment, os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            except FileNotFoundError:
                return None
            self._segment = segment
            if position.segment not in self._kept:
                self._kept.append(position.segment)
        while segment.offset < position.offset:
            before = segment.offset
            for kind, scope, _, payload in self._records(segment, position.offset, READ_BYTES):
                self._note(segment, kind, scope, payload)
            if segment.offset == before:
                break  # damaged before the confirmed place: nothing behind it can be told apart
        return segment

    def _collect(self, segment: _Segment, limit: int, max_bytes: int) -> Batch | None:
        start = segment.offset
        collected: dict[int, list[bytes]] = {}
        count = 0
        while not collected:
            found = self._records(segment, limit, max_bytes)
            if not found:
                break
            for kind, scope, spans, payload in found:
                if kind == SPANS:
                    collected.setdefault(scope, []).append(payload)
                    count += spans
                else:
                    self._note(segment, kind, scope, payload)
        end, segment.offset = segment.offset, start
        if not collected:
            segment.offset = end
            return None
        body = b"".join(
            [scope_spans(segment.scopes.get(n, b""), b"".join(spans)) for n, spans in collected.items()]
        )
        return Batch(export_request(segment.resource, body), count, Position(segment.number, end))

    @staticmethod
    def _note(segment: _Segment, kind: int, scope: int, payload: bytes) -> None:
        if kind == RESOURCE:
            segment.resource = payload
        elif kind == SCOPE:
            segment.scopes[scope] = payload

    @staticmethod
    def _records(segment: _Segment, limit: int, max_bytes: int) -> list[tuple[int, int, int, bytes]]:
        """(kind, scope, spans, payload) of the next sound records; the segment's offset moves behind them."""
        wanted = min(limit - segment.offset, max(max_bytes, HEADER.size))
        data = os.pread(segment.descriptor, wanted, segment.offset)
        found: list[tuple[int, int, int, bytes]] = []
        place, head, unpack = 0, HEADER.size, HEADER.unpack_from
        while place + head <= len(data):
            size, crc, kind, scope, count = unpack(data, place)
            end = place + head + size
            if end > len(data):
                if found or segment.offset + end > limit:
                    break
                data = os.pread(segment.descriptor, end, segment.offset)  # one record larger than a batch
                if end > len(data):
                    break
            payload = data[place + head : end]
            if checksum(payload, kind, scope, count) != crc:
                break
            found.append((kind, scope, count, payload))
            place = end
        segment.offset += place
        return found

    def _forget(self) -> None:
        while self._kept and self._kept[0] < self._confirmed.segment:
            self._spool.release(self._kept.pop(0))
