"""One door to the spans of a site: the live taps and history go through the same observers.

Called by `run` for live traffic, and by the front door with recordings of past messages, where the times are
those of the recording. It must never behave differently for history: what is observed twice is one span.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from collector.taps.config import AnyInterface, FolderInterface, HttpInterface, MllpInterface
from collector.taps.file_observers import file_observer
from collector.taps.files_seen import FirstSeen
from collector.taps.hops import KeyEncoder, Sink
from collector.taps.http_message import Request, Response
from collector.taps.observe_files import Batched, FileObserver
from collector.taps.observe_hl7 import Answer, Hl7Observer
from collector.taps.observe_http import HttpObserver
from collector.taps.origin import resource
from collector.taps.sender import Sender
from collector.taps.spool import Spool
from collector.taps.spool_reader import SpoolReader
from tracing.authorities import Authorities
from tracing.context import SiteKey
from tracing.keys import Sealer

Headers = Iterable[tuple[bytes, bytes]]
_T = TypeVar("_T")


class UnknownInterface(KeyError):
    """No interface of this name and kind is configured."""

    def __str__(self) -> str:
        return str(self.args[0])


class Observer:
    """Turns messages of configured interfaces into spans in `sink`.

    Times are ns since the Unix epoch. The same message observed again at the same times is the same span.
    """

    def __init__(
        self,
        interfaces: Iterable[AnyInterface],
        site_key: SiteKey,
        sink: Sink,
        authorities: Authorities | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        keys = KeyEncoder(Sealer(site_key, authorities), zone)
        self.hl7: dict[str, Hl7Observer] = {}
        self.http: dict[str, HttpObserver] = {}
        self.files: dict[str, FileObserver] = {}
        self._batched = Batched(sink)
        seen = FirstSeen(":memory:")
        for interface in interfaces:
            if isinstance(interface, MllpInterface):
                self.hl7[interface.name] = Hl7Observer(interface, keys, sink)
            elif isinstance(interface, HttpInterface):
                self.http[interface.name] = HttpObserver(interface, keys, sink)
            elif isinstance(interface, FolderInterface):
                self.files[interface.name] = file_observer(interface, keys, self._batched, seen)

    def observe_mllp(
        self, interface: str, message: bytes, ack: bytes | None, start_ns: int, end_ns: int
    ) -> None:
        """A message without its MLLP frame, and its acknowledgement, or None where none came."""
        observer = _named(self.hl7, interface, "mllp")
        hop = observer.read(message, start_ns)
        if ack is None:
            observer.unanswered(hop, end_ns, "none")
        else:
            observer.answered(hop, Answer(ack), end_ns)

    def observe_http(
        self,
        interface: str,
        method: str,
        path: str,
        request_body: bytes,
        status: int | None,
        response_body: bytes,
        start_ns: int,
        end_ns: int,
        request_headers: Headers = (),
        response_headers: Headers = (),
    ) -> None:
        """A request and its response; `status` None where none came. `path` as in the request line."""
        observer = _named(self.http, interface, "http")
        request = Request(method, path, request_headers)
        request.size = len(request_body)
        request.body = request_body if len(request_body) <= observer.limit else None
        response = Response(status or 0)
        response.size = len(response_body)
        response.body = response_body if len(response_body) <= observer.limit else None
        for name, value in response_headers:
            response.header(name, value)
        observer.answered(observer.read(request, start_ns), response, end_ns)

    def observe_file(self, interface: str, name: str, data: bytes, at_ns: int) -> int:
        """A complete file; the number of spans. `name` is taken for symmetry and recorded nowhere."""
        try:
            return _named(self.files, interface, "folder").observe(data, at_ns)
        finally:
            self._batched.flush()

    def observe_record(self, record: Mapping[str, Any]) -> None:
        """One line of a recording.

        `interface`, `protocol` (mllp, http, folder), `at` and `end` (ISO 8601 or ns), `request_b64`,
        `response_b64` (absent or null: no answer), for HTTP also `method`, `path` and `status`.
        Raises ValueError or KeyError for a line that is none.
        """
        protocol = record.get("protocol")
        interface = str(record["interface"])
        start = _nanoseconds(record["at"])
        end = _nanoseconds(record["end"]) if record.get("end") is not None else start
        request = base64.b64decode(record.get("request_b64") or "")
        answer = record.get("response_b64")
        response = base64.b64decode(answer) if answer is not None else None
        if protocol in ("mllp", "hl7v2"):
            self.observe_mllp(interface, request, response, start, end)
        elif protocol == "http":
            status = record.get("status")
            self.observe_http(
                interface,
                str(record["method"]),
                str(record["path"]),
                request,
                int(status) if status is not None else None,
                response or b"",
                start,
                end,
            )
        elif protocol in ("folder", "file", "x12"):
            self.observe_file(interface, str(record.get("path") or ""), request, start)
        else:
            raise ValueError(f"unknown protocol {protocol!r} in a recording")


class History:
    """An `Observer` with a spool and a sender of its own; made by `open_history`."""

    def __init__(self, observer: Observer, spool: Spool, reader: SpoolReader, sender: Sender) -> None:
        self.observer = observer
        self.spool = spool
        self.sender = sender
        self._reader = reader

    def flush(self, timeout: float) -> bool:
        """Wait until the collector has taken everything; False after `timeout` seconds."""
        end = time.monotonic() + timeout
        while self._reader.waiting:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def throttle(self) -> None:
        """Wait while the spool is nearly full: history has time, and must not be dropped."""
        while self.spool.is_full:
            time.sleep(0.05)


@contextmanager
def open_history(
    interfaces: Iterable[AnyInterface],
    site_key: SiteKey,
    otlp_endpoint: str,
    spool_dir: str | os.PathLike[str],
    *,
    site: str = "",
    drain_seconds: float = 5.0,
    authorities: Authorities | None = None,
    zone: tzinfo | None = None,
) -> Iterator[History]:
    """An observer of past messages that sends to a collector.

    `spool_dir` must not be a running tap's. What the collector has not taken when the block ends is sent when
    the folder is opened again. Raises `SpoolError` and `EndpointError`.
    """
    spool = Spool(spool_dir, resource(site))
    try:
        reader = SpoolReader(spool)
        sender = Sender(reader, otlp_endpoint)
        sender.start()
        try:
            observer = Observer(interfaces, site_key, spool, authorities, zone)
            yield History(observer, spool, reader, sender)
        finally:
            sender.stop(drain_seconds)
    finally:
        spool.close()


def _named(observers: dict[str, _T], name: str, kind: str) -> _T:
    try:
        return observers[name]
    except KeyError:
        raise UnknownInterface(f"no {kind} interface {name!r} is configured") from None


def _nanoseconds(value: int | float | str) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return round(value * 1e9)
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time in a recording needs its offset from UTC")
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * 1_000_000_000 + moment.microsecond * 1000
