"""What FHIR adds to an HTTP exchange: interaction, keys, a Bundle's entries as spans, errors in a success.

Called by `observe_http` for interfaces with `fhir`, for live traffic and history alike. It must never raise
for a body, and never record what is not a name FHIR defines, a number, or a key that has become a token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from collector.taps.config.http import Fhir, HttpInterface
from collector.taps.fhir_identity import identity
from collector.taps.hops import (
    Emitter,
    Hop,
    by_code,
    encode_ack_code,
    encode_outcome,
    encode_reason,
    encode_unread,
)
from collector.taps.http_message import Content, Request, Response
from tracing import attributes as names
from tracing import spans
from tracing.keys import Key, business_key, normalise_authority
from tracing.protocols import fhir, fhir_outcome, fhir_xml
from tracing.protocols.fhir_rest import MAX_PARAMETERS, Interaction, interaction

_ENTRY = spans.attribute(names.OPERATION_NAME, "entry")
_READ = ("json", "xml")
_TYPES = frozenset({"create", "read", "vread", "update", "patch", "operation"})
_WRITES = frozenset({"create", "update"})
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,15}:[A-Za-z0-9._~:/#-]{1,180}")
_encode_type = by_code(names.FHIR_TYPE)
_encode_interaction = by_code(names.FHIR_INTERACTION)
_encode_operation = by_code(names.FHIR_OPERATION, re.compile(r"\$[a-z*-]{1,48}"))
_encode_bundle = by_code(names.FHIR_BUNDLE)
_encode_entries = spans.int_attribute(names.FHIR_ENTRIES)
_encode_failed = spans.int_attribute(names.FHIR_FAILED)
encode_detail = by_code(names.FHIR_DETAIL)
encode_unread_at = by_code(names.UNREAD_PLACE, re.compile(r"[A-Za-z0-9.:\[\]]{1,128}"))
_encode_template = spans.string_attribute(names.OPERATION)
_encode_status = spans.int_attribute(names.HTTP_STATUS)

Extract = Callable[[Content], tuple[list[Key], bytes]]


class Reading:
    """A FHIR request: what it is, its keys, and the entries of its Bundle."""

    __slots__ = ("asked", "entries", "keys", "place", "problem", "resource", "total")

    def __init__(self, asked: Interaction) -> None:
        self.asked = asked
        self.keys: list[Key] = []
        self.entries: list[fhir.Entry] = []
        self.total = 0
        self.resource: fhir.Resource | None = None
        self.problem = ""
        self.place = ""


class Answered:
    """What the answer adds: outcome, keys, attributes of the parent, and of each entry."""

    __slots__ = ("entries", "keys", "problem", "tail", "verdict")

    def __init__(self) -> None:
        self.verdict = fhir_outcome.ACCEPTED
        self.keys: list[Key] = []
        self.entries: list[fhir_outcome.EntryVerdict] = []
        self.tail = b""
        self.problem = ""


class FhirObserver:
    """Reads the FHIR side of one interface."""

    def __init__(self, interface: HttpInterface, given: Fhir, emitter: Emitter) -> None:
        self._interface = interface
        self._given = given
        self._emitter = emitter
        self._authorities = {system.rstrip("/"): name for system, name in interface.authorities.items()}
        upstream = urlsplit(interface.upstream)
        default = f"{upstream.scheme}://{upstream.netloc}{given.base or ''}"
        self._server = self._named((given.server or default).rstrip("/"))
        self._name = f"entry {interface.name}".encode()

    def interaction(self, request: Request, target: str) -> Interaction | None:
        """What the request is; None where it is outside the server's base."""
        return interaction(request.method, target, self._given.base)

    def read(self, asked: Interaction, content: Content) -> Reading:
        """The request's resource and keys."""
        if asked.name == "search" and content.kind == "form":  # POST …/_search has its query in the body
            pairs = ((name, value) for name, values in content.form().items() for value in values)
            asked = asked._replace(query=asked.query + tuple(pairs)[:MAX_PARAMETERS])
        found = Reading(asked)
        found.keys = self.keys(fhir.url_keys(asked))
        if content.kind not in _READ or asked.name in ("search", "patch", "capabilities"):
            if content.body and content.kind not in (*_READ, "form") and asked.name != "patch":
                found.problem = "not_json"
            return found
        document = _document(content)
        if document is None:
            found.problem, found.place = content.problem, content.place
            return found
        try:
            resource = fhir.read_document(document[0], self._given.entries)
        except fhir.FhirError as error:
            found.problem, found.place = "not_fhir", error.place
            return found
        found.resource = resource
        if asked.name == "batch" and resource.bundle == "transaction":
            found.asked = asked._replace(name="transaction")
        if resource.type == "Bundle":
            found.entries, found.total = resource.entries, resource.total
            problem = next((entry.problem for entry in resource.entries if entry.problem), "")
            if problem:
                found.problem, found.place = "not_fhir", problem
        else:
            found.keys = list(dict.fromkeys(self.keys(resource.keys) + found.keys))
        return found

    def head(self, reading: Reading) -> bytes:
        """The attributes of the request."""
        asked, resource = reading.asked, reading.resource
        head = _encode_interaction(asked.name)
        name = asked.type or (resource.type if resource is not None else "")
        if name:
            head += _encode_type(name)
        if asked.operation:
            head += _encode_operation(asked.operation)
        if resource is not None and asked.name in _WRITES:
            head += self.identity(resource.document)
        if resource is not None and resource.type == "Bundle":
            head += _encode_bundle(resource.bundle) + _encode_entries(resource.total)
        return head

    def identity(self, resource: fhir.Json) -> bytes:
        """What a resource says about identity, as an attribute or nothing."""
        return identity(resource, self.keys, self._emitter.keys)

    def answer(self, reading: Reading, response: Response, content: Content) -> Answered:
        """What the answer says, beyond its status."""
        found = Answered()
        if response.location:
            found.keys = self.keys(fhir.location_keys(response.location))
        document = _document(content)
        if document is not None:
            found.verdict = fhir_outcome.verdict(document[0], self._given.entries)
            found.entries = fhir_outcome.responses(document[0], self._given.entries)
            if reading.asked.name in _TYPES and isinstance(document[0], dict):
                found.keys += self._resource_keys(document[0])
        elif content.problem in ("too_large", "encoded"):
            found.problem = content.problem
        if found.verdict.outcome == "accepted" and reading.resource is not None:
            sent = reading.resource
            if sent.type == "ClaimResponse":  # its verdict is what the message is about
                found.verdict = fhir_outcome.verdict(sent.document)
        found.tail = encode_detail(found.verdict.detail) if found.verdict.detail else b""
        if found.verdict.failed:
            found.tail += _encode_failed(found.verdict.failed)
        return found

    def journey(self, reading: Reading, answered: Answered) -> list[Key]:
        """The keys of a Bundle's own span: the one journey of its entries, none where there are several."""
        emitter = self._emitter
        chosen = (emitter.best(self.ordered(keys)) for keys in self._entry_keys(reading, answered))
        found = {emitter.keys.one(key).key: key for key in chosen if key is not None}
        return list(found.values()) if len(found) == 1 else []

    def children(
        self, reading: Reading, answered: Answered, parent: Hop, identity: bytes, extract: Extract | None
    ) -> list[bytes]:
        """The encoded spans of a Bundle's entries; they begin and end with the Bundle."""
        encoded = []
        for index, (entry, own) in enumerate(
            zip(reading.entries, self._entry_keys(reading, answered), strict=True)
        ):
            head = _ENTRY
            if entry.type:
                head += _encode_type(entry.type)
            if entry.interaction is not None:
                head += _encode_interaction(entry.interaction.name)
                head += _encode_template(entry.interaction.template)
                if entry.interaction.operation:
                    head += _encode_operation(entry.interaction.operation)
            if entry.problem:
                head += encode_unread("not_fhir") + encode_unread_at(entry.problem)
            if entry.interaction is None or entry.interaction.name in _WRITES:
                head += self.identity(entry.resource)
            if extract is not None and entry.resource:
                more, attributes = extract(Content.of(entry.resource))
                own, head = own + more, head + attributes
            outcome, tail = self._entry_outcome(answered, index, parent.outcome)
            encoded.append(self._child(parent, b"%d|%b" % (index, identity), own, head + tail, outcome))
        return encoded

    def ordered(self, keys: list[Key]) -> list[Key]:
        """Identifiers before the server's own IDs: the former are what other systems know."""
        own = normalise_authority(self._server)
        return sorted(keys, key=lambda key: key.authority == own)

    def keys(self, found: Iterable[fhir.Found]) -> list[Key]:
        """Business keys of what was found, each with its authority."""
        keys = []
        for one in found:
            if one.server is not None:
                authority = self._named(one.server.rstrip("/")) if one.server else self._server
            else:
                authority = self._named(one.system.rstrip("/"))
                if authority == one.system.rstrip("/") and not _URI.fullmatch(authority):
                    authority = ""
            key = business_key(one.kind, one.value, authority, self._interface.authority)
            if key is not None:
                keys.append(key)
        return keys

    def _named(self, system: str) -> str:
        return self._authorities.get(system, system)

    def _resource_keys(self, document: dict[str, object]) -> list[Key]:
        try:
            name = fhir.resource_type(document, "")
        except fhir.FhirError:
            return []
        # A search result or an outcome is about others; a Bundle would join what it merely lists.
        if name in ("Bundle", "OperationOutcome", "Parameters"):
            return []
        return self.keys(fhir.keys(document))

    def _entry_keys(self, reading: Reading, answered: Answered) -> list[list[Key]]:
        entries = reading.entries
        named: list[list[fhir.Found]] = []
        for index, entry in enumerate(entries):
            own = fhir.own_keys(entry.resource) if entry.resource else []
            if entry.interaction is not None:
                own += fhir.url_keys(entry.interaction)
            if index < len(answered.entries):
                own += fhir.location_keys(answered.entries[index].location)
            named.append(own)
        return [
            list(
                dict.fromkeys(
                    self.keys(
                        [*entry.keys, *named[index], *(one for to in entry.refers_to for one in named[to])]
                    )
                )
            )
            for index, entry in enumerate(entries)
        ]

    def _entry_outcome(self, answered: Answered, index: int, outcome: str) -> tuple[str, bytes]:
        if index >= len(answered.entries):
            return outcome, b""
        one = answered.entries[index]
        tail = b""
        if one.status:
            tail = _encode_status(one.status) + encode_ack_code(str(one.status))
        if one.verdict.reason:
            tail += encode_reason(one.verdict.reason)
        if one.verdict.detail:
            tail += encode_detail(one.verdict.detail)
        return one.verdict.outcome, tail

    def _child(self, parent: Hop, identity: bytes, keys: list[Key], head: bytes, outcome: str) -> bytes:
        trace, attributes = self._emitter.keyed(self.ordered(keys))
        same = not trace or trace == parent.trace_id
        span_id = self._emitter.span_id(identity, parent.start_ns)
        return spans.span(
            parent.trace_id if same else trace,
            span_id,
            self._name,
            spans.KIND_PRODUCER,
            parent.start_ns,
            parent.end_ns,
            head + attributes + encode_outcome(outcome),
            status=spans.STATUS_ERROR if outcome in names.FAILED_OUTCOMES else spans.STATUS_UNSET,
            # An entry of another journey has its own trace, and a link to what carried it.
            parent_span_id=parent.span_id if same else b"",
            links=b"" if same else spans.link(parent.trace_id, parent.span_id),
        )


def _document(content: Content) -> tuple[object] | None:
    """A body in either format as its JSON would be, in a tuple; None where it is neither."""
    if content.kind != "xml":
        return content.json()
    root = content.xml()
    return (fhir_xml.document(root),) if root is not None else None
