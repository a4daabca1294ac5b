"""The HTTP tap: which response belongs to which request on one connection.

A `relay_sides.Watcher`: httptools (llhttp) follows the bytes, which pass in `relay` as they are, so that
chunking, `Expect: 100-continue`, header order and case, pipelining and upgrades are the two ends' own affair.
It must never answer anything, and never keep more of a body than the configured limit.
"""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import dataclass

import httptools

from collector.taps.http_message import Request, Response
from collector.taps.observe_http import HttpHop, HttpObserver
from tracing.context import SpanContext

MAX_OUTSTANDING = 1024
MAX_HEAD = 1 << 20
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_UPGRADE_BEGUN = re.compile(rb"\r\nu(?:p(?:g(?:r(?:a(?:de?)?)?)?)?)?$", re.IGNORECASE)


@dataclass
class HttpCounters:
    """What passed on one interface since the process started."""

    requests: int = 0
    responses: int = 0
    unanswered: int = 0
    upgraded: int = 0
    opaque: int = 0
    """Connections that pass unread from some point on, because they do not speak HTTP/1."""


class _Exchange:
    """A request and what is known of its response."""

    __slots__ = ("hop", "method", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.method = request.method
        self.hop: HttpHop | None = None


class HttpWatcher:
    """Looks on at one HTTP/1.1 connection."""

    def __init__(self, observer: HttpObserver, counters: HttpCounters) -> None:
        self._observer = observer
        self._counters = counters
        self._exchanges: deque[_Exchange] = deque()
        self.started: deque[SpanContext | None] = deque()
        self._asking = _RequestSide(self)
        self._answer = _ResponseSide(self)
        self._requests: httptools.HttpRequestParser | None = _request_parser(self._asking)
        self._responses: httptools.HttpResponseParser | None = self._answer.parser
        self._head = b""
        self._tail = b""
        self._last = b""
        self._in_head = 0
        self._ours = False
        self._now_ns = time.time_ns()

    @property
    def busy(self) -> bool:
        """Whether a response is outstanding."""
        return bool(self._exchanges)

    @property
    def limit(self) -> int:
        """How many bytes of a body are kept."""
        return self._observer.limit

    @property
    def keeps_answers(self) -> bool:
        """Whether anybody reads the body of a response."""
        return self._observer.reads_answers

    def request(self, data: bytes, now_ns: int) -> None:
        """Bytes from the client."""
        if self._requests is None:
            if self._ours:
                self._observer.unseen += data.count(b" HTTP/1.")
            return
        self._now_ns = now_ns
        # The parser would stop at an offer to upgrade, as Java's client makes with its first request. The
        # server decides; until it has, and unless it agrees, this is HTTP. The two lengths are equal.
        data, self._tail = self._tail + data, b""
        seam = self._last
        joined = _UPGRADE.sub(b"\r\nx-offer:", seam + data)
        data = joined[len(seam) :]
        begun = _UPGRADE_BEGUN.search(joined, max(0, len(joined) - 10))
        kept = len(data) if begun is None else max(0, begun.start() - len(seam))
        self._feed_requests(data[:kept])
        if kept < len(data):
            if self._asking.in_head:
                self._tail = data[kept:]
            else:
                self._feed_requests(data[kept:])
        self._last = (seam + data[:kept])[-2:]
        self._in_head = self._in_head + len(data) if self._asking.in_head else 0
        if self._in_head > MAX_HEAD:
            self._opaque(ours=True)

    def _feed_requests(self, data: bytes) -> None:
        while data and self._requests is not None:
            try:
                self._requests.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stopped:
                # CONNECT: what follows is a tunnel, if the server agrees.
                data = data[stopped.args[0] :] if stopped.args else b""
                self._requests = _request_parser(self._asking)
            except httptools.HttpParserError:
                self._opaque(ours=self._counters.requests > 0)

    def response(self, data: bytes, now_ns: int) -> None:
        """Bytes from the server."""
        if self._responses is None:
            return
        self._now_ns = now_ns
        try:
            self._feed_responses(data)
        except httptools.HttpParserUpgrade:
            self._switched()
        except httptools.HttpParserError:
            self._opaque(ours=self._counters.responses > 0)

    def response_ended(self) -> None:
        """The server closed its side, which may be how it ends a body (RFC 9112 section 6.3)."""
        answer = self._answer
        if self._responses is not None and answer.reading and answer.until_close:
            answer.on_message_complete()
        self._give_up()

    def lost(self) -> None:
        """The connection is over; what was not answered never will be."""
        self._give_up()

    def _feed_responses(self, data: bytes) -> None:
        # A response to HEAD has the headers of a body and no body, which no parser can see by itself.
        while data and self._exchanges and self._exchanges[0].method == "HEAD" and not self._answer.reading:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                if len(self._head) > MAX_HEAD:
                    self._opaque(ours=True)
                return
            head, data, self._head = self._head[: end + 4], self._head[end + 4 :], b""
            self._answer.bodiless(head)
        if data and self._responses is not None:
            self._responses.feed_data(data)

    def begun(self, exchange: _Exchange) -> None:
        """The head of a request is there."""
        if self.started:
            exchange.request.started = self.started.popleft()
        self._exchanges.append(exchange)
        if len(self._exchanges) > MAX_OUTSTANDING:
            self._opaque(ours=True)

    def complete(self, exchange: _Exchange) -> None:
        """All of a request is there."""
        self._counters.requests += 1
        exchange.hop = self._observer.read(exchange.request, self._now_ns)
        # Read; what it held must not wait in memory for the answer.
        exchange.request.body, exchange.request.headers = None, []

    def headed(self, status: int) -> None:
        """The head of a response is there."""
        if status < 300 and self._exchanges and self._exchanges[0].method == "CONNECT" and status >= 200:
            self.answered(Response(status))
            self._switched()

    def answered(self, response: Response) -> None:
        """All of a response is there; an interim one (1xx, except 101) answers nothing."""
        if (100 <= response.status < 200 and response.status != 101) or not self._exchanges:
            return
        exchange = self._exchanges.popleft()
        self._counters.responses += 1
        self.settled(response.status == 101)
        self._observer.answered(self._hop(exchange), response, self._now_ns)

    def settled(self, switched: bool) -> None:
        """A request has its answer, which may have changed the protocol."""

    def _hop(self, exchange: _Exchange) -> HttpHop:
        if exchange.hop is None:
            # A server may answer before the request is complete, for example to refuse a large body.
            exchange.request.complete = False
            exchange.hop = self._observer.read(exchange.request, self._now_ns)
        return exchange.hop

    def _give_up(self) -> None:
        response = self._answer.response if self._answer.reading else Response()
        while self._exchanges:
            exchange = self._exchanges.popleft()
            self._counters.unanswered += 1
            self._observer.answered(self._hop(exchange), response, time.time_ns(), complete=False)
            response = Response()

    def _switched(self) -> None:
        """Another protocol has taken over: its bytes are none of ours."""
        self._counters.upgraded += 1
        self._give_up()
        self._requests = self._responses = None

    def _opaque(self, ours: bool) -> None:
        """From here on bytes only pass. What spoke HTTP before may still do so: to read it was `ours`."""
        if self._requests is None and self._responses is None:
            return
        self._counters.opaque += 1
        if ours:
            self._ours = True
            self._observer.unseen += 1
        self._give_up()
        self._requests = self._responses = None


def _request_parser(side: _RequestSide) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(side)
    # What the ends agree on is theirs: here is only looked on.
    parser.set_dangerous_leniencies(lenient_data_after_close=True, lenient_optional_cr_before_lf=True)
    return parser


def _response_parser(side: _ResponseSide) -> httptools.HttpResponseParser:
    parser = httptools.HttpResponseParser(side)
    parser.set_dangerous_leniencies(lenient_data_after_close=True, lenient_optional_cr_before_lf=True)
    return parser


class _RequestSide:
    """httptools' callbacks for requests."""

    def __init__(self, watcher: HttpWatcher) -> None:
        self._watcher = watcher
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._exchange: _Exchange | None = None
        self.in_head = False

    def on_message_begin(self) -> None:
        self.in_head = True
        self._url = b""
        self._headers = []
        self._body = []
        self._exchange = None

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # else it is a trailer
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        parser = self._watcher._requests
        method = parser.get_method().decode("ascii", "replace") if parser is not None else ""
        request = Request(method, self._url.decode("latin-1"), self._headers)
        self._exchange = _Exchange(request)
        self._watcher.begun(self._exchange)

    def on_body(self, body: bytes) -> None:
        if self._exchange is not None:
            request = self._exchange.request
            request.size += len(body)
            if request.body is not None:
                if request.size > self._watcher.limit:
                    request.body = None
                    self._body = []
                else:
                    self._body.append(body)

    def on_message_complete(self) -> None:
        exchange = self._exchange
        if exchange is not None:
            if exchange.request.body is not None:
                exchange.request.body = b"".join(self._body)
            self._body = []
            self._watcher.complete(exchange)
            self._exchange = None


class _ResponseSide:
    """httptools' callbacks for responses."""

    def __init__(self, watcher: HttpWatcher) -> None:
        self._watcher = watcher
        self._body: list[bytes] = []
        self.parser = _response_parser(self)
        self.response = Response()
        self.reading = False
        self.until_close = False

    def bodiless(self, head: bytes) -> None:
        """Read the head of a response to HEAD with a parser of its own, which then waits for no body."""
        parser, self.parser = self.parser, _response_parser(self)
        self.parser.feed_data(head)
        self.parser = parser
        if self.reading:
            self.on_message_complete()

    def on_message_begin(self) -> None:
        self.response = Response()
        self._body = []
        self.until_close = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.reading:
            return  # a trailer
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self.until_close = False
        else:
            self.response.header(name, value)

    def on_headers_complete(self) -> None:
        self.reading = True
        self.response.status = self.parser.get_status_code()
        self._watcher.headed(self.response.status)

    def on_body(self, body: bytes) -> None:
        response = self.response
        response.size += len(body)
        if response.body is not None and self._watcher.keeps_answers:
            if response.size > self._watcher.limit:
                response.body = None
                self._body = []
            else:
                self._body.append(body)

    def on_message_complete(self) -> None:
        self.reading = False
        if self.response.body is not None:
            self.response.body = b"".join(self._body)
        self._body = []
        self._watcher.answered(self.response)
