"""An HTTP request and its response become one span.

Called by the HTTP proxy for live traffic and by `replay.Observer` for history. The path is recorded only as
the route template that it fits, since paths and queries hold identifiers.
It must never raise: what cannot be read still passes.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from collector.taps.capture import captor
from collector.taps.config import HttpInterface, TapConfigError
from collector.taps.config.http import HttpKey
from collector.taps.hops import (
    IDENTITY_BYTES,
    Emitter,
    Hop,
    KeyEncoder,
    Sink,
    by_code,
    coded,
    encode_ack_code,
    encode_ack_size,
    encode_body_size,
    encode_measure,
    encode_reason,
    encode_unread,
    number,
)
from collector.taps.http_message import Content, Request, Response
from collector.taps.http_places import Asked, Reader, in_body, reader, says_failure, text
from collector.taps.observe_fhir import Answered, FhirObserver, Reading, encode_unread_at
from tracing import attributes as names
from tracing import spans
from tracing.context import SpanContext, message_trace_id, parse_traceparent, parse_tracestate
from tracing.keys import Key, business_key
from tracing.protocols import soap, usual_names
from tracing.protocols.routes import Routes

MAX_SOAP_OPERATIONS = 256
_SAMPLED = 1
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_FORWARD = spans.attribute(names.OPERATION_NAME, "forward")
_OUR_FAILURES = frozenset({"too_large", "encoded", "failed"})
_encode_operation = spans.string_attribute(names.OPERATION)
_encode_method = spans.string_attribute(names.HTTP_METHOD)
_encode_status = spans.int_attribute(names.HTTP_STATUS)
_encode_derived = spans.string_attribute(names.DERIVED_TRACE)
_REASON = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class HttpHop(Hop):
    """A request; its keys and trace are final only when its answer, which may name more, is there."""

    keys: tuple[Key, ...] = ()
    identity = b""
    operation = ""
    context: SpanContext | None = None
    started = False
    fhir: Reading | None = None


class HttpObserver:
    """Reads the requests and responses of one interface. Raises TapConfigError for its OpenAPI file."""

    def __init__(self, interface: HttpInterface, keys: KeyEncoder, sink: Sink) -> None:
        self.interface = interface
        self.unread = 0
        self.unseen = 0
        self.limit = interface.body_limit
        self._emitter = emitter = Emitter(interface, sink, keys)
        self._routes = Routes(_templates(interface))
        self._name = f"forward {interface.name}".encode()
        self._keys = [(reader(rule, interface), rule) for rule in interface.keys]
        self._usual_names = not interface.keys
        self._measures = [(name, reader(place, interface)) for name, place in interface.measures.items()]
        self._tags = [
            (by_code(names.TAG + name), reader(place, interface))
            for name, place in interface.attributes.items()
        ]
        self._headers = [(name.lower().encode("ascii"), name) for name in interface.headers]
        self._reason = in_body(interface.reason, interface)[0] if interface.reason is not None else None
        self._failure = in_body(interface.failure, interface)[0] if interface.failure is not None else None
        self._fhir = FhirObserver(interface, interface.fhir, emitter) if interface.fhir is not None else None
        self._captor = captor(interface.capture, emitter.site_key)
        readers: list[Reader] = [one for one, _ in self._keys]
        readers += [one for _, one in self._measures] + [one for _, one in self._tags]
        self._formats = frozenset(one.format for one in readers if one.request is not None and one.format)
        self._answers = [one for one in readers if one.response is not None]
        self._soap_operations: set[str] = set()
        self._started = 0
        self._reads_success = bool(
            self._answers
            or self._failure is not None
            or self._fhir is not None
            or interface.soap
            or interface.capture is not None
        )
        self.reads_answers = self._reads_success or self._reason is not None

    def start(self, now_ns: int) -> SpanContext:
        """The context of a request that has none and is to be given one."""
        self._started += 1
        emitter = self._emitter
        identity = b"start|%d|%d" % (now_ns, self._started)
        trace = message_trace_id(emitter.site_key, emitter.name, identity)
        return SpanContext(trace, emitter.span_id(identity, now_ns), _SAMPLED)

    def read(self, request: Request, start_ns: int) -> HttpHop:
        """The hop of a request that is complete at the tap, or that will not be."""
        try:
            return self._read(request, start_ns)
        except Exception:  # whatever a request does to the reader, the request passes
            self._problem("failed")
            return self._hop(request, start_ns, b"", f"{_method(request)} *", encode_unread("failed"))

    def answered(self, hop: HttpHop, response: Response, end_ns: int, complete: bool = True) -> bool:
        """Record the hop; `complete` is False where the connection broke before the response's end."""
        hop.end_ns = end_ns
        try:
            return self._answered(hop, response, complete)
        except Exception:  # the same for its answer
            self._problem("failed")
            hop.outcome = _outcome(response.status) if complete else "error"
            self._place(hop, list(hop.keys))
            return self._emitter.emit(hop, self._name, spans.KIND_PRODUCER, encode_unread("failed"))

    def unanswered(self, hop: HttpHop, end_ns: int) -> bool:
        """Record a request whose connection broke before any response."""
        return self.answered(hop, Response(), end_ns)

    def _read(self, request: Request, start_ns: int) -> HttpHop:
        target = _origin_form(request.target)
        path = target.partition("?")[0]
        body = request.body if request.complete else b""
        content = Content(body, request.content_type, request.encoding, self.limit)
        method = _method(request)
        match = self._routes.match(method, path)
        operation = match.template if match is not None else f"{method} *"
        reading: Reading | None = None
        extra = b""
        if self._fhir is not None and (asked := self._fhir.interaction(request, target)) is not None:
            reading = self._fhir.read(asked, content)
            operation = match.template if match is not None else reading.asked.template
            extra = self._fhir.head(reading)
        elif self.interface.soap:
            operation = self._soap(request, content) or operation
        content.read_as(self._formats if reading is None else frozenset())
        asked_for = Asked(request, content, match.parameters if match is not None else {})
        keys, attributes = self._extract(asked_for, operation, reading)
        problem, place = content.problem, content.place
        if reading is not None and reading.problem:
            problem, place = reading.problem, reading.place
        if not request.complete:
            problem = "incomplete"
        elif problem and not self._formats and reading is None and not self.interface.soap:
            problem = ""  # nobody wanted to read it
        if problem:
            self._problem(problem)
            extra += encode_unread(problem) + (encode_unread_at(place) if place else b"")
        if self._captor is not None and content.body:
            extra += self._captor.body(content.body)
        hop = self._hop(request, start_ns, content.body, operation, extra + attributes)
        hop.keys = tuple(keys)
        hop.fhir = reading
        return hop

    def _soap(self, request: Request, content: Content) -> str:
        name = soap.action(request.header(b"soapaction"), request.content_type)
        root = content.xml()
        if root is None or soap.body(root) is None:
            return ""
        name = name or soap.operation(root)
        if name and (name in self._soap_operations or len(self._soap_operations) < MAX_SOAP_OPERATIONS):
            self._soap_operations.add(name)
            return f"SOAP {name}"
        return "SOAP *"

    def _extract(self, asked: Asked, operation: str, reading: Reading | None) -> tuple[list[Key], bytes]:
        keys: list[Key] = []
        in_entries = reading is not None and bool(reading.entries)
        for read, rule in self._keys:
            wanted = not rule.operations or operation in rule.operations
            if read.request is not None and wanted and not (in_entries and read.format):
                self._rule(keys, rule, read.request(asked))
        if reading is not None:
            keys += reading.keys
        elif self._usual_names and asked.content.kind == "json" and (document := asked.content.json()):
            for kind, value in usual_names.keys(document[0]):
                self._key(keys, kind, value, None)
        for lower, name in self._headers:
            self._key(keys, "request", asked.request.header(lower), name)
        return keys, b"" if in_entries else self._codes(asked, None)

    def _codes(self, asked: Asked | None, answer: Content | None) -> bytes:
        head = b""
        for name, read in self._measures:
            found = number(_value(read, asked, answer))
            if found is not None:
                head += encode_measure(name, found)
        for encode, read in self._tags:
            tag = text(_value(read, asked, answer))
            if tag:
                head += encode(tag)
        return head

    def _from_entry(self, content: Content) -> tuple[list[Key], bytes]:
        asked = Asked(Request("", ""), content, {})
        keys: list[Key] = []
        for read, rule in self._keys:
            if read.request is not None and read.format:
                self._rule(keys, rule, read.request(asked))
        return keys, self._codes(asked, None)

    def _rule(self, keys: list[Key], rule: HttpKey, value: object) -> None:
        if rule.fits(text(value)):
            self._key(keys, rule.kind, value, rule.authority)

    def _key(self, keys: list[Key], kind: str, value: object, authority: str | None) -> None:
        key = business_key(kind, text(value), authority, self.interface.authority)
        if key is not None:
            keys.append(key)

    def _answered(self, hop: HttpHop, response: Response, complete: bool) -> bool:
        status = response.status
        keys = list(hop.keys)
        if not status:
            hop.outcome, tail = "none", b""
            fhir_answer = Answered()
        else:
            hop.outcome = _outcome(status) if complete else "error"
            tail = _encode_status(status) + encode_ack_code(str(status)) + encode_ack_size(response.size)
            fhir_answer, more = self._answer(hop, response, keys, complete)
            tail += more
        reading = hop.fhir
        if reading is not None and self._fhir is not None:
            keys = [*keys, *fhir_answer.keys]
            if reading.entries:
                keys += self._fhir.journey(reading, fhir_answer)
            keys = self._fhir.ordered(keys)
        tail = self._place(hop, keys) + tail
        emitted = self._emitter.emit(hop, self._name, spans.KIND_PRODUCER, tail)
        if reading is not None and self._fhir is not None and reading.entries:
            extract = self._from_entry if self._formats else None
            children = self._fhir.children(reading, fhir_answer, hop, hop.identity, extract)
            emitted = self._emitter.emit_many(hop.scope, children) and emitted
        return emitted

    def _answer(
        self, hop: HttpHop, response: Response, keys: list[Key], complete: bool
    ) -> tuple[Answered, bytes]:
        fhir_answer = Answered()
        if not complete or not (self._reads_success or (self.reads_answers and hop.outcome != "accepted")):
            return fhir_answer, b""
        content = Content(response.body, response.content_type, response.encoding, self.limit)
        tail, reason = b"", ""
        if hop.fhir is not None and self._fhir is not None:
            fhir_answer = self._fhir.answer(hop.fhir, response, content)
            reason, tail = fhir_answer.verdict.reason, fhir_answer.tail
            if hop.outcome == "accepted":
                hop.outcome = fhir_answer.verdict.outcome
            if fhir_answer.problem and not hop.fhir.problem:
                self._problem(fhir_answer.problem)
                tail += encode_unread(fhir_answer.problem)
        if self.interface.soap and content.kind == "xml" and (root := content.xml()) is not None:
            fault = soap.fault(root)
            if fault is not None:
                hop.outcome, reason = "error", fault.code
        if hop.outcome == "accepted" and self._failure is not None and says_failure(self._failure(content)):
            hop.outcome = "error"
        if hop.outcome != "accepted" and self._reason is not None:
            reason = coded(text(self._reason(content))) or reason
        if _REASON.fullmatch(reason):
            tail += encode_reason(reason)
        for read, rule in self._keys:
            wanted = not rule.operations or hop.operation in rule.operations
            if read.response is not None and wanted and hop.outcome == "accepted":
                self._rule(keys, rule, read.response(content))
        if self._answers:
            tail += self._codes(None, content)
        if self._captor is not None and content.body:
            tail += self._captor.answer(content.body)
        return fhir_answer, tail

    def _hop(self, request: Request, start_ns: int, body: bytes, operation: str, extra: bytes) -> HttpHop:
        emitter = self._emitter
        identity = b"%b %b %b" % (
            request.method.encode("ascii", "replace"),
            request.target.encode("utf-8", "replace"),
            (request.body if request.complete else None) or b"%d" % request.size,
        )
        if len(identity) > IDENTITY_BYTES:
            identity = b"%d|%b" % (len(identity), identity[:IDENTITY_BYTES])
        head = (
            _FORWARD
            + _encode_method(_method(request))
            + _encode_operation(operation)
            + encode_body_size(request.size)
            + extra
        )
        hop = HttpHop(emitter.scope, b"", emitter.span_id(identity, start_ns), start_ns, "", head)
        hop.identity, hop.operation = identity, operation
        if request.started is not None:
            hop.context, hop.started, hop.span_id = request.started, True, request.started.span_id
        elif request.traceparent:
            hop.context = parse_traceparent(request.traceparent)
            if hop.context is not None and request.tracestate:
                hop.trace_state = parse_tracestate(request.tracestate)
        return hop

    def _place(self, hop: HttpHop, keys: list[Key]) -> bytes:
        """Give the hop its trace; the attributes of its keys."""
        emitter = self._emitter
        trace, attributes = emitter.keyed(keys)
        context = hop.context
        if context is None:
            hop.trace_id = trace or message_trace_id(
                emitter.site_key, emitter.name, b"%d|%b" % (hop.start_ns, hop.identity)
            )
            return attributes
        # Propagated context wins; what the keys say stays reachable as link and attribute.
        hop.trace_id = context.trace_id
        if not hop.started:
            hop.parent = context.span_id
        if trace and trace != context.trace_id:
            hop.links = spans.link(trace, hop.span_id)
            attributes += _encode_derived(trace.hex())
        return attributes

    def _problem(self, problem: str) -> None:
        self.unread += 1
        if problem in _OUR_FAILURES:
            self.unseen += 1


def _templates(interface: HttpInterface) -> list[str]:
    found = list(interface.routes)
    if interface.openapi is not None:
        from tracing.protocols import openapi  # and with it YAML, which a tap without a file does not carry

        try:
            found += openapi.load(interface.openapi, interface.openapi_base)
            Routes(found)
        except ValueError as error:
            raise TapConfigError(f"interface {interface.name!r}: openapi: {error}") from None
    return found


def _value(read: Reader, asked: Asked | None, answer: Content | None) -> object:
    if asked is not None:
        return read.request(asked) if read.request is not None else None
    return read.response(answer) if read.response is not None and answer is not None else None


def _method(request: Request) -> str:
    return request.method if request.method in _METHODS else "_OTHER"


def _origin_form(target: str) -> str:
    if target.startswith("/"):
        return target
    parts = urlsplit(target) if "://" in target[:16] else None  # absolute form, RFC 9112 section 3.2.2
    return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}" if parts is not None else target


def _outcome(status: int) -> str:
    if status < 400:
        return "accepted" if status else "none"
    return "rejected" if status < 500 else "error"
