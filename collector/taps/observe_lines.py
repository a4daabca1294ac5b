"""A file of JSON lines becomes a span per line: FHIR resources (bulk data NDJSON), or documents of any kind.

Called by the folder tap and by `replay`. A line that cannot be read is counted and located; the others still
count. It must never raise, and never let a value out except as a token, a number or a short code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Any

from collector.taps.config import FolderInterface, HttpInterface
from collector.taps.config.http import Fhir
from collector.taps.fhir_identity import identity as fhir_identity
from collector.taps.fhir_identity import updated
from collector.taps.hops import (
    KeyEncoder,
    Sink,
    by_code,
    encode_body_size,
    encode_measure,
    encode_message,
    message_identity,
    number,
)
from collector.taps.observe_fhir import FhirObserver
from collector.taps.observe_files import RECEIVE, Recorded, Recorder
from tracing import attributes as names
from tracing.keys import Key, business_key
from tracing.protocols import fhir, usual_names
from tracing.protocols.json_pointer import resolve

_BLANK = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"


class LinesObserver(Recorded):
    """Reads the files of one interface."""

    def __init__(self, interface: FolderInterface, keys: KeyEncoder, sink: Sink) -> None:
        self.interface = interface
        self._record = Recorder(interface, keys, sink)
        self._fhir = _fhir_reader(interface, self._record) if interface.format == "fhir" else None
        self._message = encode_message(interface.message or interface.name)
        self._tags = [(pointer, by_code(names.TAG + name)) for name, pointer in interface.attributes.items()]

    def observe(self, data: bytes, at_ns: int, *, skip: int = 0, zone: tzinfo | None = None) -> int:
        """Record every line of a file; the number of spans."""
        record = self._record
        record.begin()
        why = "not_json"
        try:
            for record.place, line in _lines(data, skip):
                self._line(line, at_ns, zone)
        except Exception:  # one file that nobody foresaw must not stop the folder
            why = "failed"
            record.trouble("the reader failed", "line", record.place, True)
        return record.end(data, at_ns, why)

    def _line(self, line: bytes, at_ns: int, zone: tzinfo | None) -> None:
        record = self._record
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            record.trouble("not a JSON document", "line", record.place, True)
            return
        message, identity = self._message, b""
        if not isinstance(document, dict):
            record.trouble("not a JSON object", "line", record.place, True)
            return
        if self._fhir is not None:
            try:
                resource = fhir.read_document(document)
            except fhir.FhirError as error:
                record.trouble(f"not a FHIR resource: {error}", "line", record.place, True)
                return
            keys = self._known(resource.keys)
            identity = fhir_identity(document, self._known, record.emitter.keys)
            message = encode_message(resource.type)
        else:
            keys = self._keys(document)
        trace, key_attributes = record.emitter.keyed(keys)
        head = RECEIVE + message + encode_body_size(len(line)) + key_attributes + identity
        for pointer, encode in self._tags:
            found = resolve(document, pointer)
            head += encode(found) if isinstance(found, str) else b""
        for name, pointer in self.interface.measures.items():
            value = number(resolve(document, pointer))
            head += encode_measure(name, value) if value is not None else b""
        at = updated(document) if zone is not None else None
        record.record(record.hop(message_identity(line), at or at_ns, trace, head), "accepted")

    def _keys(self, document: dict[str, Any]) -> list[Key]:
        own = self.interface.authority
        if not self.interface.keys:
            named = usual_names.keys(document)
            found = [business_key(kind, value, None, own) for kind, value in named]
        else:
            found = []
        for rule in self.interface.keys:
            value = resolve(document, rule.pointer or "")
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if isinstance(value, str) and rule.fits(value):
                found.append(business_key(rule.kind, value, rule.authority, own))
        return [key for key in found if key is not None]

    def _known(self, found: Iterable[fhir.Found]) -> list[Key]:
        """Identifiers, and a server's own IDs where it is known which server wrote the file."""
        assert self._fhir is not None
        known = self.interface.server is not None
        return self._fhir.keys(one for one in found if known or one.server is None)


def _fhir_reader(interface: FolderInterface, record: Recorder) -> FhirObserver:
    """What reads FHIR on the wire; nothing listens, and nothing is forwarded."""
    given = Fhir(server=interface.server)
    api = HttpInterface(
        kind="http",
        name=interface.name,
        source=interface.source,
        destination=interface.destination,
        facility=interface.facility,
        authority=interface.authority,
        priority=interface.priority,
        listen="127.0.0.1:0",
        upstream="http://127.0.0.1:9",
        fhir=given,
        authorities=interface.authorities,
    )
    return FhirObserver(api, given, record.emitter)


def _lines(data: bytes, skip: int) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers from 1."""
    position = max(skip, len(_MARK) if data.startswith(_MARK) else 0)
    number_, end = data.count(b"\n", 0, position), len(data)
    while position < end:
        found = data.find(b"\n", position)
        found = end if found < 0 else found
        number_ += 1
        line = data[position:found].strip(_BLANK)
        position = found + 1
        if line:
            yield number_, line
