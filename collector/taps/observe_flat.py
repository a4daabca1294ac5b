"""A delimited or fixed-width file becomes a span per row.

Called by the folder tap and by `replay`. A row that cannot be read is counted and located by its line; the
others still count. It must never raise, and never let a value out except as token, number or short code.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from collector.archives.times import nanoseconds
from collector.taps.config import FolderInterface
from collector.taps.hops import (
    KeyEncoder,
    Sink,
    by_code,
    encode_body_size,
    encode_measure,
    encode_message,
    number,
)
from collector.taps.observe_files import RECEIVE, Recorded, Recorder
from tracing import attributes as names
from tracing.keys import Key, business_key
from tracing.protocols import usual_names
from tracing.protocols.flat import BadRow, LayoutError, Row, decode, delimited, fixed


class FlatObserver(Recorded):
    """Reads the files of one interface."""

    def __init__(self, interface: FolderInterface, keys: KeyEncoder, sink: Sink) -> None:
        self.interface = interface
        self._record = Recorder(interface, keys, sink)
        self._keys = list(interface.keys)
        self._tags = [(column, by_code(names.TAG + name)) for name, column in interface.attributes.items()]
        self._measures = list(interface.measures.items())
        self._message = encode_message(interface.message or interface.name)
        when = [interface.time.column] if interface.time else []
        self._wanted = list(dict.fromkeys([key.column or "" for key in self._keys] + when))
        self._named = [*self._wanted, *interface.attributes.values(), *interface.measures.values()]

    def observe(self, data: bytes, at_ns: int, *, skip: int = 0, zone: tzinfo | None = None) -> int:
        """Record every row of a file; the number of spans."""
        record = self._record
        record.begin()
        why = "bad_row"
        try:
            before = self._lines_before(data, skip)
            for row in self._rows(data):
                record.place = row.line
                if row.line <= before:
                    continue
                if isinstance(row, BadRow):
                    record.trouble(row.why, "line", row.line, True)
                else:
                    self._row(row, at_ns)
        except LayoutError as error:
            record.trouble(str(error), "line", max(record.place, 1), True)
        except Exception:  # one file that nobody foresaw must not stop the folder
            why = "failed"
            record.trouble("the reader failed", "line", record.place, True)
        return record.end(data, at_ns, why)

    def _rows(self, data: bytes) -> Iterator[Row | BadRow]:
        interface = self.interface
        if interface.fixed is not None:
            layout = interface.fixed
            places = [(column.name, column.start, column.length) for column in layout.columns]
            return fixed(
                data,
                interface.encoding,
                places,
                record_length=layout.record_length,
                skip_lines=layout.skip_lines,
            )
        told = interface.delimited
        return delimited(
            decode(data, interface.encoding),
            delimiter=told.delimiter,
            quote=told.quote,
            columns=told.columns,
            skip_lines=told.skip_lines,
            wanted=self._named,
        )

    def _lines_before(self, data: bytes, skip: int) -> int:
        """Lines that were read before, of a file that has grown."""
        if not skip:
            return 0
        layout = self.interface.fixed
        if layout is not None and layout.record_length is not None:
            return skip // layout.record_length
        head = decode(data[:skip], self.interface.encoding)
        ends = head.count("\n") or head.count("\r")
        return ends + (0 if head.endswith(("\n", "\r")) else 1)

    def _row(self, row: Row, at_ns: int) -> None:
        record = self._record
        at = self._time(row, at_ns)
        if at is None:
            record.trouble("its time is not written as the layout says", "line", row.line, True)
            return
        trace, key_attributes = record.emitter.keyed(self._found(row))
        head = RECEIVE + self._message + encode_body_size(row.size)
        for column, encode in self._tags:
            head += encode(row.values.get(column, "").strip())
        for name, column in self._measures:
            value = number(row.values.get(column, "").strip().replace(",", ""))
            head += encode_measure(name, value) if value is not None else b""
        named = self._named if self._keys else row.values
        identity = f"{row.line}|" + "|".join(row.values.get(column, "") for column in named)
        record.record(
            record.hop(identity.encode("utf-8", "replace"), at, trace, head + key_attributes), "accepted"
        )

    def _found(self, row: Row) -> list[Key]:
        own, values = self.interface.authority, row.values
        if not self._keys:
            named = usual_names.keys(values)
            found = [business_key(kind, value, None, own) for kind, value in named]
        else:
            found = [
                business_key(rule.kind, value, rule.authority, own)
                for rule in self._keys
                if rule.fits(value := values.get(rule.column or ""))
            ]
        return [key for key in found if key is not None]

    def _time(self, row: Row, at_ns: int) -> int | None:
        told = self.interface.time
        if told is None:
            return at_ns
        try:
            moment = datetime.strptime(row.values.get(told.column, "").strip(), told.format)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=ZoneInfo(told.zone))
            return max(nanoseconds(moment.astimezone(UTC)), 0)
        except (ValueError, OverflowError):
            return None
