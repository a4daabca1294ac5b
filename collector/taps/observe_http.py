"""An HTTP request and its response become one span.

Called by the HTTP proxy for live traffic and by `replay.Observer` for history. The path is recorded only as
the configured route template that it fits, since paths and queries hold identifiers.
It must never raise: what cannot be read still passes.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable

from collector.taps.config import HttpInterface
from collector.taps.hops import (
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
from tracing import attributes as names
from tracing import spans
from tracing.context import message_trace_id, parse_traceparent
from tracing.keys import Key, business_key
from tracing.protocols.json_pointer import resolve

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_FORWARD = spans.attribute(names.OPERATION_NAME, "forward")
_encode_operation = spans.string_attribute(names.OPERATION)
_encode_method = spans.string_attribute(names.HTTP_METHOD)
_encode_status = spans.int_attribute(names.HTTP_STATUS)


class Request:
    """A request as far as it has been seen; `body` is None where it was larger than the configured limit."""

    __slots__ = ("body", "encoding", "method", "size", "target", "traceparent", "tracestate")

    def __init__(self, method: str, target: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.method = method
        self.target = target
        self.size = 0
        self.body: bytes | None = b""
        self.encoding = ""
        self.traceparent = ""
        self.tracestate = ""
        for name, value in headers:
            self.header(name, value)

    def header(self, name: bytes, value: bytes) -> None:
        """Take note of one header; all but three mean nothing here."""
        lower = name.lower()
        if lower == b"traceparent":
            self.traceparent = value.decode("latin-1")
        elif lower == b"tracestate":
            self.tracestate = value.decode("latin-1")
        elif lower == b"content-encoding":
            self.encoding = value.decode("latin-1").strip().lower()


class Response:
    """A response as far as it has been seen; status 0 means that none came."""

    __slots__ = ("body", "encoding", "size", "status")

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.size = 0
        self.body: bytes | None = b""
        self.encoding = ""


class HttpObserver:
    """Reads the requests and responses of one interface."""

    def __init__(self, interface: HttpInterface, keys: KeyEncoder, sink: Sink) -> None:
        self.interface = interface
        self.unread = 0
        self._emitter = Emitter(interface, sink, keys)
        self._routes = [(route.split(" ")[0], _route(route), route) for route in interface.routes]
        self._tags = [(by_code(names.TAG + name), pointer) for name, pointer in interface.attributes.items()]
        self._name = f"forward {interface.name}".encode()
        self._reads_body = bool(interface.keys or interface.measures or interface.attributes)

    @property
    def limit(self) -> int:
        """How many bytes of a body are worth keeping."""
        return self.interface.max_body_bytes

    def read(self, request: Request, start_ns: int) -> Hop:
        """The hop of a request that is complete at the tap."""
        try:
            return self._read(request, start_ns)
        except Exception:  # whatever a request does to the reader, the request passes
            self.unread += 1
            return self._hop(request, start_ns, b"", encode_unread("failed"))

    def answered(self, hop: Hop, response: Response, end_ns: int, complete: bool = True) -> bool:
        """Record the hop; `complete` is False where the connection broke before the response's end."""
        hop.end_ns = end_ns
        status = response.status
        if not status:
            hop.outcome, tail = "none", b""
        else:
            hop.outcome = _outcome(status) if complete else "error"
            tail = _encode_status(status) + encode_ack_code(str(status)) + encode_ack_size(response.size)
            if status >= 400 and self.interface.reason is not None:
                tail += self._reason(self.interface.reason, response)
        return self._emitter.emit(hop, self._name, spans.KIND_PRODUCER, tail)

    def unanswered(self, hop: Hop, end_ns: int) -> bool:
        """Record a request whose connection broke before any response."""
        return self.answered(hop, Response(), end_ns)

    def _read(self, request: Request, start_ns: int) -> Hop:
        if not self._reads_body or (not request.size and request.body is not None):
            return self._hop(request, start_ns, b"", b"")
        if request.body is None:
            self.unread += 1
            return self._hop(request, start_ns, b"", encode_unread("too_large"))
        document = _document(request.body, request.encoding, self.limit)
        if document is None:
            self.unread += 1
            return self._hop(request, start_ns, b"", encode_unread("not_json"))
        return self._hop(request, start_ns, *self._extract(document[0]))

    def _extract(self, document: object) -> tuple[bytes, bytes]:
        found: list[Key] = []
        for rule in self.interface.keys:
            key = business_key(
                rule.kind, _text(resolve(document, rule.pointer)), rule.authority, self._authority
            )
            if key is not None:
                found.append(key)
        trace, head = self._emitter.keys.encode(found)
        for name, pointer in self.interface.measures.items():
            value = number(resolve(document, pointer))
            if value is not None:
                head += encode_measure(name, value)
        for encode, pointer in self._tags:
            tag = _text(resolve(document, pointer))
            if tag:
                head += encode(tag)
        return trace, head

    @property
    def _authority(self) -> str:
        return self.interface.authority

    def _hop(self, request: Request, start_ns: int, trace: bytes, extra: bytes) -> Hop:
        emitter = self._emitter
        identity = b"%b %b %b" % (
            request.method.encode("ascii", "replace"),
            request.target.encode("utf-8", "replace"),
            request.body or b"%d" % request.size,
        )
        own = trace or message_trace_id(emitter.site_key, emitter.name, b"%d|%b" % (start_ns, identity))
        method = request.method if request.method in _METHODS else "_OTHER"
        head = (
            _FORWARD
            + _encode_method(method)
            + _encode_operation(self._operation(method, request.target))
            + encode_body_size(request.size)
            + extra
        )
        hop = Hop(emitter.scope, own, emitter.span_id(identity, start_ns), start_ns, "", head)
        context = parse_traceparent(request.traceparent) if request.traceparent else None
        if context is not None:
            # Propagated context wins; what the keys say stays reachable as a link and as journey.keys.
            hop.trace_id, hop.parent = context.trace_id, context.span_id
            if trace and trace != context.trace_id:
                hop.links = spans.link(trace, hop.span_id)
        return hop

    def _operation(self, method: str, target: str) -> str:
        path = target.partition("?")[0]
        if "://" in path:  # absolute form, RFC 9112 section 3.2.2
            path = "/" + path.partition("://")[2].partition("/")[2]
        for route_method, pattern, template in self._routes:
            if route_method == method and pattern.fullmatch(path):
                return template
        return f"{method} *"

    def _reason(self, pointer: str, response: Response) -> bytes:
        try:
            document = _document(response.body or b"", response.encoding, self.limit)
            reason = coded(_text(resolve(document[0], pointer))) if document else None
        except Exception:  # a response that cannot be read is a response without a reason
            return b""
        return encode_reason(reason) if reason else b""


def _route(route: str) -> re.Pattern[str]:
    path = route.partition(" ")[2]
    return re.compile(
        "".join("[^/]+" if p.startswith("{") else re.escape(p) for p in re.split(r"(\{[^}/]*\})", path))
    )


def _outcome(status: int) -> str:
    if status < 400:
        return "accepted"
    return "rejected" if status < 500 else "error"


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _document(body: bytes, encoding: str, limit: int) -> tuple[object] | None:
    """The JSON document in `body`, in a tuple, or None; compressed bodies are opened up to `limit` bytes."""
    if encoding in ("gzip", "x-gzip", "deflate"):
        unpacker = zlib.decompressobj(47)
        try:
            body = unpacker.decompress(body, max(limit, 1))
        except zlib.error:
            return None
    elif encoding not in ("", "identity"):
        return None
    try:
        return (json.loads(body),)
    except (ValueError, RecursionError):
        return None
