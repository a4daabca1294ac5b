"""One row becomes one span: keys, measures, codes and outcome by column.

Called by the database tap for every row that is new. It must never raise, and never let a value of a row out
except as token, sealed value, number or short code.
"""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from collector.taps.config.database import DatabaseInterface
from collector.taps.database_window import DIGEST
from collector.taps.hops import (
    Emitter,
    Hop,
    KeyEncoder,
    Sink,
    by_code,
    encode_measure,
    encode_reason,
    encode_unread,
    number,
)
from tracing import attributes as names
from tracing import spans
from tracing.context import message_trace_id
from tracing.keys import Key, business_key

_RECEIVE = spans.attribute(names.OPERATION_NAME, "receive")
_MESSAGE = by_code(names.MESSAGE)
_FIRST, _LAST = 1970, 2199
"""Years a span's time can be in; sentinels such as 9999-12-31 are no times."""


class Encoded(NamedTuple):
    """A span of a row, and the scope it belongs to."""

    scope: bytes
    span: bytes


class RowObserver:
    """Reads the rows of one interface."""

    def __init__(self, interface: DatabaseInterface, keys: KeyEncoder, sink: Sink) -> None:
        self.unread = 0
        self._interface = interface
        self._sink = sink
        self._emitter = Emitter(interface, sink, keys)
        self._name = f"receive {interface.name}".encode()
        self._place = {name: index for index, name in enumerate(interface.columns)}
        self._zone = ZoneInfo(interface.timezone)
        self._digest_key = self._emitter.site_key.subkey("caretrail/v1/rows")
        self._tags = {name: by_code(names.TAG + name) for name in interface.attributes}

    def digest(self, values: tuple[Any, ...]) -> bytes:
        """What tells this row, as it is now, from every other: keyed, because it is kept on disk."""
        hashed = hashlib.blake2b(digest_size=DIGEST, key=self._digest_key)
        for value in values:
            text = repr(value).encode("utf-8", "surrogatepass")
            hashed.update(b"%d:" % len(text))
            hashed.update(text)
        return hashed.digest()

    def observe(self, rows: list[tuple[tuple[Any, ...], bytes]], now_ns: int) -> bool:
        """Record rows with their digests, together; False if the sink could not take them."""
        by_scope: dict[bytes, list[bytes]] = {}
        for values, digest in rows:
            try:
                encoded = self._encode(values, digest, now_ns)
            except Exception:  # one row that nobody foresaw must not hold up those behind it
                self.unread += 1
                encoded = self._unread(digest, now_ns)
            by_scope.setdefault(encoded.scope, []).append(encoded.span)
        taken = True
        for scope, found in by_scope.items():
            taken = self._sink.append(scope, b"".join(found), len(found)) and taken
        return taken

    def _encode(self, values: tuple[Any, ...], digest: bytes, now_ns: int) -> Encoded:
        given = self._interface
        trace, key_attributes = self._emitter.keyed(self._keys(values))
        head = _RECEIVE
        message = self._text(values, given.message_column) if given.message_column else None
        head += (_MESSAGE(message) if message else b"") or _MESSAGE(given.message)
        for name, column in given.attributes.items():
            value = self._text(values, column)
            if value is not None:
                head += self._tags[name](value)
        for name, column in given.measures.items():
            value = self._value(values, column)
            measured = number(float(value) if isinstance(value, Decimal) else value)
            if measured is not None:
                head += encode_measure(name, measured)
        outcome = "accepted"
        if given.outcome is not None:
            said = self._text(values, given.outcome.column)
            outcome = given.outcome.values.get(said or "", given.outcome.otherwise)
        if given.reason is not None and (reason := self._text(values, given.reason)):
            head += encode_reason(reason)
        facility = self._text(values, given.facility_column) if given.facility_column else None
        at_ns = self._at(values)
        return self._span(
            self._emitter.scope_for(facility),
            trace,
            digest,
            now_ns if at_ns is None else at_ns,
            head + key_attributes,
            outcome,
        )

    def _unread(self, digest: bytes, now_ns: int) -> Encoded:
        return self._span(
            self._emitter.scope, b"", digest, now_ns, _RECEIVE + encode_unread("failed"), "error"
        )

    def _span(
        self, scope: bytes, trace: bytes, digest: bytes, at_ns: int, head: bytes, outcome: str
    ) -> Encoded:
        emitter = self._emitter
        own = trace or message_trace_id(emitter.site_key, emitter.name, digest)
        hop = Hop(scope, own, emitter.span_id(digest, at_ns), at_ns, "", head)
        hop.end_ns = at_ns
        hop.outcome = outcome
        return Encoded(scope, emitter.encode(hop, self._name, spans.KIND_CONSUMER, b""))

    def _keys(self, values: tuple[Any, ...]) -> list[Key]:
        found = []
        for wanted in self._interface.keys:
            authority = wanted.authority
            if wanted.authority_column is not None:
                authority = self._text(values, wanted.authority_column) or authority
            text = self._text(values, wanted.column)
            key = business_key(wanted.kind, text, authority, self._interface.authority)
            if key is not None and wanted.fits(text):
                found.append(key)
        return found

    def _at(self, values: tuple[Any, ...]) -> int | None:
        """ns since the epoch, None where the row has no usable time."""
        for column in (self._interface.time, self._interface.watermark):
            if column is not None and (found := self.moment(self._value(values, column))) is not None:
                whole = found.replace(microsecond=0)
                return int(whole.timestamp()) * 1_000_000_000 + found.microsecond * 1000
        return None

    def moment(self, value: object) -> datetime | None:
        """A time of the database with its zone; None for what is none, and for sentinels."""
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                return None
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
        if not isinstance(value, datetime) or not _FIRST <= value.year <= _LAST:
            return None
        found = (value if value.tzinfo is not None else value.replace(tzinfo=self._zone)).astimezone(UTC)
        return found if found.year >= _FIRST else None

    def local(self, moment: datetime) -> datetime:
        """A time as the database keeps it that keeps no zone."""
        return moment.astimezone(self._zone).replace(tzinfo=None)

    def _value(self, values: tuple[Any, ...], column: str) -> Any:
        return values[self._place[column]]

    def _text(self, values: tuple[Any, ...], column: str) -> str | None:
        value = self._value(values, column)
        if value is None:
            return None
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
            return str(int(value))  # an identifier in a column of numbers
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value).strip()
