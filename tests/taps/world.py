"""What the tap tests share: messages, decoded spans, an OTLP endpoint, MLLP ends."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.taps.config import load_interfaces
from collector.taps.hops import AnyInterface
from tracing import spans
from tracing.context import SiteKey
from tracing.keys import Key, Sealer

SITE = SiteKey(bytes(range(32)))
SEALER = Sealer(SITE)
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


def token(kind: str, value: str, authority: str = "NSH") -> str:
    """The token of a key of this site."""
    return SEALER.token(Key(kind, authority, value))


def adt(
    control: str = "C1",
    visit: str = "V1^^^NSH",
    account: str = "A1^^^NSH",
    mrn: str = "M1^^^NSH",
    message: str = "ADT^A03",
    facility: str = "NSH-NORTH",
) -> bytes:
    """An unframed HL7 message."""
    return (
        f"MSH|^~\\&|EHR|{facility}|ENGINE|NSH|20260301120000||{message}|{control}|P|2.5.1\r"
        f"PID|1||{mrn}||DOE^JANE||19700101|F||||||||||{account}\r"
        f"PV1|1|I|||||||||||||||||{visit}\r"
    ).encode()


def ack(control: str, code: str = "AA", text: str = "", error: str = "") -> bytes:
    """An unframed acknowledgement."""
    lines = ["MSH|^~\\&|ENGINE|NSH|EHR|NSH|20260301120001||ACK|1|P|2.5.1", f"MSA|{code}|{control}|{text}"]
    if error:
        lines.append(f"ERR|||{error}|E||||{text}")
    return ("\r".join(lines) + "\r").encode()


def framed(payload: bytes) -> bytes:
    """In an MLLP block."""
    return b"\x0b" + payload + b"\x1c\r"


def interfaces(*items: dict[str, Any]) -> list[AnyInterface]:
    """Interfaces with the fields every one needs filled in."""
    base = {"source": "ehr", "destination": "engine", "facility": "NSH", "authority": "NSH"}
    return load_interfaces([base | item for item in items])


@dataclass
class Seen:
    """A decoded span."""

    interface: str
    name: str
    trace: str
    span: str
    parent: str
    start: int
    end: int
    error: bool
    attributes: dict[str, Any]
    scope: dict[str, Any]
    links: list[str]
    points: list[tuple[str, str]] = field(default_factory=list)
    """Trace and span IDs of the links."""

    @property
    def tokens(self) -> dict[str, str]:
        """Kind to the last token of it."""
        return {key.split(":")[0]: key.split(":")[2] for key in self.attributes.get("journey.keys", [])}

    def __getitem__(self, name: str) -> Any:
        return self.attributes.get(name)


def _value(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, which)


def decode(body: bytes) -> list[Seen]:
    """The spans of an ExportTraceServiceRequest."""
    found = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            described = {item.key: _value(item.value) for item in scope.scope.attributes}
            for span in scope.spans:
                found.append(
                    Seen(
                        interface=described.get("integration.interface", ""),
                        name=span.name,
                        trace=span.trace_id.hex(),
                        span=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        start=span.start_time_unix_nano,
                        end=span.end_time_unix_nano,
                        error=span.status.code == 2,
                        attributes={item.key: _value(item.value) for item in span.attributes},
                        scope=described,
                        links=[link.trace_id.hex() for link in span.links],
                        points=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                    )
                )
    return found


class Kept:
    """A sink that keeps spans decoded."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.bytes = b""

    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        """Keep."""
        body = spans.export_request(b"", spans.scope_spans(scope, encoded))
        found = decode(body)
        assert len(found) == count
        self.spans += found
        self.bytes += body
        return True


class Collector:
    """An OTLP/HTTP endpoint in a thread."""

    def __init__(self, port: int = 0) -> None:
        self.spans: list[Seen] = []
        self.bodies: list[bytes] = []
        self.encodings: list[str | None] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.requests = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.encodings.append(self.headers.get("Content-Encoding"))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                owner.requests += 1
                status, headers, answer = owner.answers.pop(0) if owner.answers else (200, {}, b"")
                if status == 200:
                    owner.bodies.append(body)
                    owner.spans += [one for one in decode(body) if "integration.interface" in one.scope]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def wait_for(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    """Wait until `condition`, or fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


async def eventually(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    """The same on an event loop."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)


@dataclass
class MllpReceiver:
    """An MLLP server that keeps every byte; `reply` gives the answer to a payload, None for silence."""

    reply: Callable[[bytes], bytes | None]
    received: bytes = b""
    connections: int = 0
    server: asyncio.Server | None = None
    tls: ssl.SSLContext | None = None
    port: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def start(self, port: int = 0) -> Self:
        """Listen."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Close the listener and every connection."""
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            # One over TLS that is closed already cannot be aborted in early releases of Python 3.11.
            if not writer.transport.is_closing():
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        rest = b""
        while data := await reader.read(65536):
            self.received += data
            rest += data
            while b"\x1c\r" in rest:
                block, rest = rest.split(b"\x1c\r", 1)
                answer = self.reply(block.split(b"\x0b")[-1])
                if answer is not None:
                    writer.write(answer)
        writer.close()


def control_id(payload: bytes) -> str:
    """MSH-10."""
    return payload.split(b"\r")[0].split(b"|")[9].decode()


def accept(payload: bytes) -> bytes:
    """A framed AA."""
    return framed(ack(control_id(payload)))
