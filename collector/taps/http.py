"""The HTTP tap: which response belongs to which request on one connection.

A `relay.Watcher`: httptools (llhttp) follows the bytes, which pass in `relay` as they are, so that chunking,
`Expect: 100-continue`, header order and case, pipelining and upgrades are the two ends' own affair.
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

MAX_OUTSTANDING = 1024
MAX_HEAD = 256 << 10
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


@dataclass
class HttpCounters:
    """What passed on one interface since the process started."""

    requests: int = 0
    responses: int = 0
    unanswered: int = 0
    opaque: int = 0


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
        self._requests: httptools.HttpRequestParser | None = httptools.HttpRequestParser(_RequestSide(self))
        self._answer = _ResponseSide(self)
        self._responses: httptools.HttpResponseParser | None = self._answer.parser
        self._head = b""
        self._now_ns = time.time_ns()

    @property
    def busy(self) -> bool:
        """Whether a response is outstanding."""
        return bool(self._exchanges)

    @property
    def limit(self) -> int:
        """How many bytes of a body are kept."""
        return self._observer.limit

    def request(self, data: bytes, now_ns: int) -> None:
        """Bytes from the client."""
        if self._requests is None or not data:
            return
        self._now_ns = now_ns
        try:
            # The parser would stop at an offer to upgrade, as Java's client makes with its first request.
            # The server decides: at its 101 the other parser stops.
            self._requests.feed_data(_UPGRADE.sub(b"\r\nx-offer:", data))
        except httptools.HttpParserUpgrade:
            pass  # CONNECT: what follows is a tunnel, if the server agrees
        except httptools.HttpParserError:
            self._opaque()

    def response(self, data: bytes, now_ns: int) -> None:
        """Bytes from the server."""
        if self._responses is None:
            return
        self._now_ns = now_ns
        try:
            self._feed_responses(data)
        except httptools.HttpParserUpgrade:
            self._opaque()
        except httptools.HttpParserError:
            self._opaque()

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
                    self._opaque()
                return
            head, data, self._head = self._head[: end + 4], self._head[end + 4 :], b""
            self._answer.bodiless(head)
        if data and self._responses is not None:
            self._responses.feed_data(data)

    def begun(self, exchange: _Exchange) -> None:
        """The head of a request is there."""
        self._exchanges.append(exchange)
        if len(self._exchanges) > MAX_OUTSTANDING:
            self._opaque()

    def complete(self, exchange: _Exchange) -> None:
        """All of a request is there."""
        self._counters.requests += 1
        exchange.hop = self._observer.read(exchange.request, self._now_ns)

    def answered(self, response: Response) -> None:
        """All of a response is there; an interim one (1xx, except 101) answers nothing."""
        if (100 <= response.status < 200 and response.status != 101) or not self._exchanges:
            return
        exchange = self._exchanges.popleft()
        self._counters.responses += 1
        self._observer.answered(self._hop(exchange), response, self._now_ns)

    def _hop(self, exchange: _Exchange) -> HttpHop:
        # A server may answer before the request is complete, for example to refuse a large body.
        return exchange.hop or self._observer.read(exchange.request, self._now_ns)

    def _give_up(self) -> None:
        response = self._answer.response if self._answer.reading else Response()
        while self._exchanges:
            exchange = self._exchanges.popleft()
            self._counters.unanswered += 1
            self._observer.answered(self._hop(exchange), response, time.time_ns(), complete=False)
            response = Response()

    def _opaque(self) -> None:
        """From here on bytes only pass: this is no HTTP, or another protocol has taken over."""
        self._counters.opaque += 1
        self._give_up()
        self._requests = self._responses = None


class _RequestSide:
    """httptools' callbacks for requests."""

    def __init__(self, watcher: HttpWatcher) -> None:
        self._watcher = watcher
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._exchange: _Exchange | None = None

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = []
        self._body = []
        self._exchange = None

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
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
        self.parser = httptools.HttpResponseParser(self)
        self.response = Response()
        self.reading = False
        self.until_close = False

    def bodiless(self, head: bytes) -> None:
        """Read the head of a response to HEAD with a parser of its own, which then waits for no body."""
        parser, self.parser = self.parser, httptools.HttpResponseParser(self)
        self.parser.feed_data(head)
        self.parser = parser
        if self.reading:
            self.on_message_complete()

    def on_message_begin(self) -> None:
        self.response = Response()
        self._body = []
        self.until_close = True

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower in (b"content-length", b"transfer-encoding"):
            self.until_close = False
        elif lower == b"content-encoding":
            self.response.encoding = value.decode("latin-1").strip().lower()

    def on_headers_complete(self) -> None:
        self.reading = True
        self.response.status = self.parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        response = self.response
        response.size += len(body)
        if response.body is not None:
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
