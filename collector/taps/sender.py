"""Sends the spool to a collector: OTLP over HTTP, protobuf, at least once, in order.

Runs in a thread of its own at low priority, so that neither compressing nor waiting touches a message.
It must never give up on spans that a collector might still take, and never log what a collector answered
beyond its status, since answers may quote what was sent.
"""

from __future__ import annotations

import gzip
import http.client
import logging
import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from collector.taps.clock import HEADER, Clock
from collector.taps.spool_reader import Batch, SpoolReader

log = logging.getLogger("caretrail.tap.sender")

BATCH_BYTES = 256 << 10
POLL_SECONDS = 0.1
GATHER_SECONDS = 0.2
FIRST_WAIT = 0.2
LONGEST_WAIT = 30.0
LONGEST_RETRY_AFTER = 300.0
TIMEOUT = 30.0
# Refused for what they hold (OTLP specification, "Failures"): sending the same bytes again cannot help.
# Everything else, a wrong path or a missing permission included, may be put right while the spool waits.
_REFUSED = frozenset({400, 413, 415, 422})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class EndpointError(ValueError):
    """The collector's address cannot be used; the text says why."""


@dataclass(frozen=True)
class Endpoint:
    """Where OTLP goes: `https` or not, host, port, path."""

    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """`http://127.0.0.1:4318`; without a path, `/v1/traces` is added. Raises `EndpointError`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise EndpointError(
                f"{url!r} is not an OTLP endpoint, for example http://127.0.0.1:4318"
            ) from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EndpointError(f"{url!r} is not an OTLP endpoint, for example http://127.0.0.1:4318")
        path = parts.path if parts.path not in ("", "/") else "/v1/traces"
        return cls(parts.scheme == "https", parts.hostname, port or 4318, path)


@dataclass
class SenderCounters:
    """What became of spans since the process started."""

    sent: int = 0
    rejected: int = 0
    refused: int = 0
    failures: int = 0
    last_success: float = 0.0


class Sender:
    """The sending thread of one spool. `start` it, `stop` it; what is unsent stays in the spool."""

    def __init__(
        self,
        reader: SpoolReader,
        endpoint: str,
        *,
        headers: Mapping[str, str] | None = None,
        compress: bool | None = None,
        longest_wait: float = LONGEST_WAIT,
        expire: Callable[[float], None] | None = None,
    ) -> None:
        """`expire` is told the time (epoch seconds) when sending fails, so that nothing waits for ever.

        `compress` None: gzip unless the collector is on this machine. Raises `EndpointError`.
        """
        self.counters = SenderCounters()
        self.clock = Clock()
        self._reader = reader
        self._expire = expire
        self._endpoint = Endpoint.parse(endpoint)
        self._compress = self._endpoint.host not in _LOOPBACK if compress is None else compress
        self._headers = {"Content-Type": "application/x-protobuf", **(headers or {})}
        self._longest_wait = longest_wait
        self._stop = threading.Event()
        self._drain_until = 0.0
        self._connection: http.client.HTTPConnection | None = None
        self._batch_bytes = BATCH_BYTES
        self._wait = FIRST_WAIT
        self._thread = threading.Thread(target=self._run, name="caretrail-sender", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, drain_seconds: float = 0.0) -> None:
        """Send what is left for at most `drain_seconds`, then end the thread."""
        self._drain_until = time.monotonic() + drain_seconds
        self._stop.set()
        self._thread.join(drain_seconds + TIMEOUT)

    def _run(self) -> None:
        with suppress(OSError, AttributeError):  # Linux: the niceness of this thread alone
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        try:
            while not self._stop.is_set() or time.monotonic() < self._drain_until:
                if not self._step():
                    if self._stop.is_set():
                        break
                    self._stop.wait(POLL_SECONDS)
                elif not self._reader.holds(self._batch_bytes // 2):
                    # Under load a batch of what is there would hold a dozen spans: hundreds of times a
                    # second a request, a new cursor, and the interpreter taken from the messages.
                    self._stop.wait(GATHER_SECONDS)
        finally:
            self._disconnect()
            self._reader.close()

    def _step(self) -> bool:
        """Send one batch; False if there is none."""
        try:
            batch = self._reader.read(self._batch_bytes)
        except OSError as error:
            log.error("the spool cannot be read: %s", error.strerror)
            self._pause(self._longest_wait)
            return True
        if batch is None:
            return False
        try:
            status, retry_after, body = self._post(batch.body)
        except (OSError, http.client.HTTPException) as error:
            self._disconnect()
            self._failed(f"{type(error).__name__}", None)
            return True
        if 200 <= status < 300:
            self._accepted(batch, body)
        elif status == 413 and self._batch_bytes > 1024:
            self._batch_bytes = max(self._batch_bytes // 2, 1024)
        elif status in _REFUSED:
            self.counters.refused += batch.spans
            log.error("the collector refused %d spans for good (HTTP %d)", batch.spans, status)
            self._reader.confirm(batch.end)
        else:
            self._failed(f"HTTP {status}", retry_after)
        return True

    def _accepted(self, batch: Batch, body: bytes) -> None:
        rejected = rejected_spans(body)
        if rejected:
            log.error("the collector rejected %d of %d spans", rejected, batch.spans)
        if self._wait > FIRST_WAIT:
            log.info("the collector is back")
        self._wait = FIRST_WAIT
        self._batch_bytes = min(self._batch_bytes * 2, BATCH_BYTES)
        self.counters.sent += batch.spans - rejected
        self.counters.rejected += rejected
        self.counters.last_success = time.time()
        self._reader.confirm(batch.end)

    def _failed(self, what: str, retry_after: float | None) -> None:
        self.counters.failures += 1
        if self._wait == FIRST_WAIT:  # once per outage
            log.warning("the collector does not take spans (%s); they wait in the spool", what)
        if self._expire is not None:
            self._expire(time.time())
        pause = self._wait * random.uniform(0.75, 1.25) if retry_after is None else retry_after
        self._wait = min(self._wait * 2, self._longest_wait)
        self._pause(min(pause, LONGEST_RETRY_AFTER))

    def _pause(self, seconds: float) -> None:
        if not self._stop.wait(seconds):
            return
        # Draining: wait as told, but no longer than there is time.
        time.sleep(max(0.0, min(seconds, self._drain_until - time.monotonic())))

    def _post(self, body: bytes) -> tuple[int, float | None, bytes]:
        headers = self._headers
        if self._compress:
            headers = {**headers, "Content-Encoding": "gzip"}
            body = gzip.compress(body, 1, mtime=0)
        if self._connection is None:
            self._connection = self._connect()
        sent = time.time()
        self._connection.request("POST", self._endpoint.path, body, headers)
        response = self._connection.getresponse()
        self.clock.add(sent, time.time(), response.getheader(HEADER))
        answer = response.read(4 << 20)
        if response.will_close or not response.isclosed():
            self._disconnect()
        return response.status, retry_after_seconds(response.getheader("Retry-After"), time.time()), answer

    def _connect(self) -> http.client.HTTPConnection:
        endpoint = self._endpoint
        if endpoint.secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=TIMEOUT, context=context)
        return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=TIMEOUT)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def rejected_spans(body: bytes) -> int:
    """`partial_success.rejected_spans` of an ExportTraceServiceResponse; 0 if the body is none."""
    if not body:
        return 0
    # Here and not at the top: an all is well is empty, and a tap that never needs protobuf stays small.
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    try:
        return int(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans)
    except Exception:  # protobuf's DecodeError; a collector that answers 200 has taken the spans
        return 0


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """RFC 9110 section 10.2.3: seconds, or a date; None if there is neither. `now`: epoch seconds."""
    if not header:
        return None
    header = header.strip()
    if header.isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (TypeError, ValueError):
        return None
