"""The HTTP tap between clients and servers that people use, on real sockets, TLS included."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import resource
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import uvloop

from collector.taps.run import Taps
from tests.taps.certificates import Authority
from tests.taps.world import SITE, Collector, eventually, interfaces, token

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ERP = {
    "name": "erp",
    "kind": "http",
    "listen": "127.0.0.1:0",
    "routes": ["POST /journals", "GET /journals/{id}"],
    "keys": [{"kind": "account", "pointer": "/reference"}],
    "reason": "/code",
}


class Server(BaseHTTPRequestHandler):
    """The standard library's HTTP/1.1 server: keep-alive, chunked in both directions, 100-continue."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, dict[str, str], bytes]]

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _answer(self) -> None:
        body = self._body()
        self.seen.append((self.command, self.path, dict(self.headers), body))
        if self.path == "/slow":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return None
        if self.path == "/empty":
            self.send_response(204 if self.command == "POST" else 304)
            self.end_headers()
            return None
        answer = b'{"code": "too_late"}' if self.path == "/journals" and b"late" in body else b'{"ok": 1}'
        self.send_response(422 if b"late" in answer else 200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (answer[:3], answer[3:]):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.write(b"0\r\nX-Trailer: 1\r\n\r\n")
            return None
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)
        return None

    do_GET = do_POST = do_PUT = do_HEAD = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    handler = type("Recording", (Server,), {"seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield running
        running.shutdown()


def seen_by(server: ThreadingHTTPServer) -> list[tuple[str, str, dict[str, str], bytes]]:
    """Method, path, headers and body of every request."""
    found: list[tuple[str, str, dict[str, str], bytes]] = server.RequestHandlerClass.seen  # type: ignore[attr-defined]
    return found


def tapped(
    collector: Collector,
    spool: Path,
    upstream: str,
    story: Callable[[str, int], Any],
    spans: int,
    **extra: Any,
) -> dict[str, Any]:
    """Run a blocking `story(host, port)` through a tap; its counters."""

    async def run() -> dict[str, Any]:
        taps = Taps(interfaces(ERP | {"upstream": upstream} | extra), SITE, collector.url, spool)
        await taps.start()
        try:
            await asyncio.to_thread(story, *taps.addresses["erp"])
            await eventually(lambda: len(collector.spans) >= spans)
            return taps.counters()["erp"]
        finally:
            await taps.stop(2.0)

    return uvloop.run(run())


def test_a_session_of_requests(collector: Collector, tmp_path: Path, server: ThreadingHTTPServer) -> None:
    def story(host: str, port: int) -> None:
        base = f"http://{host}:{port}"
        with requests.Session() as session:
            assert session.post(f"{base}/journals", json={"reference": "A1"}).json() == {"ok": 1}
            assert session.post(f"{base}/journals", json={"reference": "late"}).status_code == 422
            assert session.head(f"{base}/journals/5").headers["Content-Length"] == "9"
            assert session.post(f"{base}/empty", data=iter([b"a", b"bc"])).status_code == 204
            assert session.get(f"{base}/empty", headers={"traceparent": PARENT}).status_code == 304
            assert session.put(f"{base}/chunked", data=b"x").json() == {"ok": 1}

    counters = tapped(collector, tmp_path, f"http://127.0.0.1:{server.server_port}", story, 6)
    assert [seen["http.response.status_code"] for seen in collector.spans] == [200, 422, 200, 204, 304, 200]
    assert [seen["integration.operation"] for seen in collector.spans] == [
        "POST /journals",
        "POST /journals",
        "HEAD *",
        "POST *",
        "GET *",
        "PUT *",
    ]
    assert collector.spans[0].trace == token("account", "A1")
    assert collector.spans[1]["integration.reason"] == "too_late"
    assert collector.spans[4].trace == PARENT[3:35]
    assert counters["connections"] == 1
    assert (counters["unseen"], counters["opaque"]) == (0, 0)
    assert seen_by(server)[3][3] == b"abc"


def test_context_is_started_where_there_is_none(
    collector: Collector, tmp_path: Path, server: ThreadingHTTPServer
) -> None:
    def story(host: str, port: int) -> None:
        base = f"http://{host}:{port}"
        with requests.Session() as session:
            session.post(f"{base}/journals", json={"reference": "A1"})
            session.get(f"{base}/journals/5", headers={"Traceparent": PARENT})
            session.post(f"{base}/chunked", data=iter([b"a", b"bc"]))

    tapped(collector, tmp_path, f"http://127.0.0.1:{server.server_port}", story, 3, context="start")
    own, given, chunked = collector.spans
    headers = [{name.lower(): value for name, value in one[2].items()} for one in seen_by(server)]
    assert headers[0]["traceparent"] == f"00-{own.trace}-{own.span}-01"
    assert (own.parent, own.links) == ("", [token("account", "A1")])
    assert own["journey.trace_id"] == token("account", "A1")
    assert headers[1]["traceparent"] == PARENT
    assert (given.trace, given.parent) == (PARENT[3:35], PARENT[36:52])
    assert headers[2]["traceparent"] == f"00-{chunked.trace}-{chunked.span}-01"
    assert seen_by(server)[2][3] == b"abc"


def test_the_one_header_is_all_that_changes(collector: Collector, tmp_path: Path) -> None:
    sent = (
        b"POST /a HTTP/1.1\r\nhOST: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n"
        b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
    )

    async def story(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: bytearray, taps: Taps
    ) -> None:
        for start in range(0, len(sent), 7):
            writer.write(sent[start : start + 7])
            await asyncio.sleep(0.001)
        await eventually(lambda: received.endswith(b"\r\n\r\n") and b"GET /b" in received)
        lines = bytes(received).split(b"\r\n")
        added = [line for line in lines if line.startswith(b"traceparent: 00-")]
        assert len(added) == 2
        assert b"\r\n".join(line for line in lines if line not in added) == sent

    raw(collector, tmp_path, story, b"", context="start")


def raw(
    collector: Collector,
    spool: Path,
    story: Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytearray, Taps], Awaitable[None]],
    answer: bytes,
    **extra: Any,
) -> dict[str, Any]:
    """Run `story` against a server that keeps every byte, and says `answer` to the first head."""

    async def run() -> dict[str, Any]:
        received = bytearray()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                while data := await reader.read(65536):
                    headed = b"\r\n\r\n" in received
                    received.extend(data)
                    if not headed and b"\r\n\r\n" in received:
                        writer.write(answer)
            writer.close()

        upstream = await asyncio.start_server(serve, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
        taps = Taps(interfaces(ERP | {"upstream": address} | extra), SITE, collector.url, spool)
        await taps.start()
        reader, writer = await asyncio.open_connection(*taps.addresses["erp"])
        try:
            await story(reader, writer, received, taps)
            return taps.counters()["erp"]
        finally:
            writer.close()
            upstream.close()
            await taps.stop(2.0)

    return uvloop.run(run())


def test_the_preface_of_http_2_passes_and_is_not_watched(collector: Collector, tmp_path: Path) -> None:
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

    async def story(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: bytearray, taps: Taps
    ) -> None:
        writer.write(sent)
        assert await reader.readexactly(9) == b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
        await eventually(lambda: bytes(received) == sent)

    counters = raw(collector, tmp_path, story, b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", context="start")
    assert (counters["opaque"], counters["unseen"]) == (1, 0)
    assert collector.spans == []


def test_an_upgrade_header_in_two_reads_does_not_end_the_watching(
    collector: Collector, tmp_path: Path
) -> None:
    async def story(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: bytearray, taps: Taps
    ) -> None:
        for part in (b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpGr", b"ade: h2c\r\n\r\n"):
            writer.write(part)
            await asyncio.sleep(0.02)
        await reader.readexactly(len(answer))
        for part in (b"GET /b HTTP/1.1\r\nHost: x\r", b"\nupgrade: h2c\r\nConnection: upgrade\r\n\r\n"):
            writer.write(part)
            await asyncio.sleep(0.02)
        writer.close()
        await eventually(lambda: len(collector.spans) == 2)

    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    raw(collector, tmp_path, story, answer)
    assert [seen["integration.outcome"] for seen in collector.spans] == ["accepted", "none"]


def test_a_client_that_goes_away_in_the_middle(collector: Collector, tmp_path: Path) -> None:
    head = b"POST /journals HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + b'{"reference": "A1"'

    async def story(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: bytearray, taps: Taps
    ) -> None:
        writer.write(head)
        await eventually(lambda: bytes(received) == head)
        writer.transport.abort()
        await eventually(lambda: len(collector.spans) == 1)

    counters = raw(collector, tmp_path, story, b"")
    (seen,) = collector.spans
    assert (seen["integration.outcome"], seen["integration.unread"]) == ("none", "incomplete")
    assert counters["unseen"] == 0


def test_a_refusal_before_the_body_is_there(collector: Collector, tmp_path: Path) -> None:
    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    async def story(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: bytearray, taps: Taps
    ) -> None:
        writer.write(
            b"POST /journals HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
        )
        assert await reader.readexactly(len(answer)) == answer
        writer.close()
        await eventually(lambda: len(collector.spans) == 1)

    raw(collector, tmp_path, story, answer)
    (seen,) = collector.spans
    assert (seen["http.response.status_code"], seen["integration.outcome"]) == (413, "rejected")


def test_a_server_that_breaks_the_connection(
    collector: Collector, tmp_path: Path, server: ThreadingHTTPServer
) -> None:
    def story(host: str, port: int) -> None:
        with pytest.raises(requests.ConnectionError):
            requests.post(f"http://{host}:{port}/slow", data=b"x", timeout=5)

    tapped(collector, tmp_path, f"http://127.0.0.1:{server.server_port}", story, 1)
    assert collector.spans[0]["integration.outcome"] == "none"


def test_a_hundred_megabytes_pass_in_little_memory(collector: Collector, tmp_path: Path) -> None:
    size, block = 100 << 20, b"0123456789abcdef" * 4096
    digests: list[str] = []

    class Sink(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            taken = hashlib.sha256()
            left = int(self.headers["Content-Length"])
            while left:
                data = self.rfile.read(min(left, 1 << 16))
                taken.update(data)
                left -= len(data)
            digests.append(taken.hexdigest())
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            for _ in range(size // len(block)):
                self.wfile.write(block)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    def story(host: str, port: int) -> None:
        client = http.client.HTTPConnection(host, port, timeout=20)
        body = (block for _ in range(size // len(block)))
        client.request("POST", "/journals", body, {"Content-Length": str(size)})
        answer = client.getresponse()
        taken = hashlib.sha256()
        while part := answer.read(1 << 16):
            taken.update(part)
        digests.append(taken.hexdigest())
        client.close()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        tapped(collector, tmp_path, f"http://127.0.0.1:{running.server_port}", story, 1)
        running.shutdown()
    whole = hashlib.sha256()
    for _ in range(size // len(block)):
        whole.update(block)
    assert digests == [whole.hexdigest()] * 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 << 10
    (seen,) = collector.spans
    assert (seen["messaging.message.body.size"], seen["integration.ack.size"]) == (size, size)
    assert seen["integration.unread"] == "too_large"


def test_tls_on_both_sides(collector: Collector, tmp_path: Path, server: ThreadingHTTPServer) -> None:
    authority = Authority(tmp_path)
    tap, erp = authority.sign("localhost"), authority.sign("erp.example")
    server.socket = authority.server(erp).wrap_socket(server.socket, server_side=True)
    tls = {
        "listen": {"certificate": tap.certificate, "key": tap.key},
        "upstream": {"ca": authority.ca, "server_name": "erp.example"},
    }

    def story(host: str, port: int) -> None:
        address = f"https://localhost:{port}/journals"
        answer = requests.post(address, json={"reference": "A1"}, verify=authority.ca)
        assert answer.json() == {"ok": 1}

    upstream = f"https://127.0.0.1:{server.server_port}"
    tapped(collector, tmp_path / "spool", upstream, story, 1, tls=tls)
    assert collector.spans[0].trace == token("account", "A1")
    # The server sees the name that the client used: the tap changes no byte, so not this one either.
    assert seen_by(server)[0][2]["Host"].startswith("localhost:")
