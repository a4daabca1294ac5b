"""The HTTP tap on real sockets: both ends see the very bytes of the other, and each exchange is one span."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from collector.taps.run import Taps
from tests.taps.world import SITE, Collector, eventually, interfaces, token

ERP = {
    "name": "erp-journals",
    "kind": "http",
    "listen": "127.0.0.1:0",
    "source": "engine",
    "destination": "erp",
    "routes": ["POST /journals", "PUT /orders/{id}/lines/{line}"],
    "keys": [{"kind": "account", "pointer": "/reference"}],
    "measures": {"amount": "/total"},
    "reason": "/code",
}
Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def between(
    collector: Collector, spool: Path, **extra: Any
) -> AsyncIterator[
    tuple[asyncio.StreamReader, asyncio.StreamWriter, asyncio.StreamReader, asyncio.StreamWriter, Taps]
]:
    """Client's reader and writer, server's reader and writer, one connection through the tap."""
    ready: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
        asyncio.get_running_loop().create_future()
    )
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ready.set_result((reader, writer))
        await done.wait()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    upstream = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    taps = Taps(interfaces(ERP | extra | {"upstream": upstream}), SITE, collector.url, spool)
    await taps.start()
    reader, writer = await asyncio.open_connection(*taps.addresses["erp-journals"])
    try:
        server_reader, server_writer = await ready
        yield reader, writer, server_reader, server_writer, taps
    finally:
        done.set()
        writer.close()
        (await ready)[1].close()
        server.close()
        await taps.stop(2.0)


def request(body: bytes, *headers: str, line: str = "POST /journals HTTP/1.1") -> bytes:
    lines = [line, "Host: erp", f"content-LENGTH: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def response(body: bytes = b"", status: str = "201 Created", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


JOURNAL = json.dumps({"reference": "A1", "total": 182.5, "cost_centre": "100"}).encode()


async def pass_along(
    collector: Collector, spool: Path, steps: list[tuple[str, bytes]], spans: int, **extra: Any
) -> dict[str, Any]:
    """Send each step from its side (`>` client, `<` server) and require that it arrives as it is."""
    async with between(collector, spool, **extra) as (reader, writer, server_reader, server_writer, taps):
        for direction, data in steps:
            if direction == ">":
                writer.write(data)
                assert await asyncio.wait_for(server_reader.readexactly(len(data)), 5) == data
            else:
                server_writer.write(data)
                assert await asyncio.wait_for(reader.readexactly(len(data)), 5) == data
        await eventually(lambda: len(collector.spans) >= spans)
        return taps.counters()["erp-journals"]


def test_the_whole_span(collector: Collector, tmp_path: Path) -> None:
    answer = response(b'{"id": 1}')
    uvloop.run(pass_along(collector, tmp_path, [(">", request(JOURNAL)), ("<", answer)], 1))
    seen = collector.spans[0]
    assert seen.name == "forward erp-journals"
    assert seen.trace == token("account", "A1")
    assert seen.tokens == {"account": token("account", "A1")}
    assert seen["integration.operation"] == "POST /journals"
    assert seen["http.request.method"] == "POST"
    assert seen["http.response.status_code"] == 201
    assert seen["integration.ack.code"] == "201"
    assert seen["integration.outcome"] == "accepted"
    assert seen["integration.measure.amount"] == 182.5
    assert seen["messaging.message.body.size"] == len(JOURNAL)
    assert seen["integration.ack.size"] == 9
    assert seen.scope["messaging.system"] == "http"


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        ("422 Unprocessable", "rejected", "cost_centre_unknown"),
        ("500 Oh", "error", "cost_centre_unknown"),
        ("200 OK", "accepted", None),
        ("302 Found", "accepted", None),
    ],
)
def test_outcomes(
    collector: Collector, tmp_path: Path, status: str, outcome: str, reason: str | None
) -> None:
    answer = response(b'{"code": "cost_centre_unknown", "detail": "JANE DOE"}', status)
    asyncio.run(pass_along(collector, tmp_path, [(">", request(JOURNAL)), ("<", answer)], 1))
    seen = collector.spans[0]
    assert (seen["integration.outcome"], seen["integration.reason"]) == (outcome, reason)
    assert seen.error == (outcome in ("rejected", "error"))


def test_keep_alive_and_pipelining_pair_in_order(collector: Collector, tmp_path: Path) -> None:
    steps = [
        (">", request(JOURNAL)),
        ("<", response()),
        (
            ">",
            request(JOURNAL)
            + request(b'{"reference": "A2"}')
            + b"GET /health?mrn=5 HTTP/1.1\r\nHost: e\r\n\r\n",
        ),
        ("<", response(b"", "409 Conflict") + response() + response(b"ok", "200 OK")),
    ]
    asyncio.run(pass_along(collector, tmp_path, steps, 4))
    assert [s["http.response.status_code"] for s in collector.spans] == [201, 409, 201, 200]
    assert [s["integration.operation"] for s in collector.spans] == ["POST /journals"] * 3 + ["GET *"]


def test_chunked_both_ways_with_expect_continue_and_trailers(collector: Collector, tmp_path: Path) -> None:
    head = (
        b"POST /journals HTTP/1.1\r\nHost: erp\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    )
    middle = len(JOURNAL) // 2
    body = b"%x;ext=1\r\n%b\r\n" % (middle, JOURNAL[:middle])
    rest = b"%X\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(JOURNAL) - middle, JOURNAL[middle:])
    steps = [
        (">", head),
        ("<", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (">", body),
        (">", rest),
        ("<", b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
        ("<", b"0\r\n\r\n"),
    ]
    asyncio.run(pass_along(collector, tmp_path, steps, 1))
    seen = collector.spans[0]
    assert seen.tokens == {"account": token("account", "A1")}
    assert (seen["http.response.status_code"], seen["integration.ack.size"]) == (201, 2)


def test_a_large_body_streams_through_unread(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        async with between(collector, tmp_path) as (reader, writer, server_reader, server_writer, _):
            body = b"x" * 5_000_000
            data = request(body)
            received = bytearray()

            async def take() -> None:
                while len(received) < len(data):
                    received.extend(await server_reader.read(1 << 16))

            taking = asyncio.create_task(take())
            for start in range(0, len(data), 1 << 16):
                writer.write(data[start : start + (1 << 16)])
                await writer.drain()
            await asyncio.wait_for(taking, 10)
            assert bytes(received) == data
            server_writer.write(response(body, "200 OK"))
            assert len(await asyncio.wait_for(reader.readexactly(5_000_000), 10)) == 5_000_000
            await eventually(lambda: len(collector.spans) == 1)

    asyncio.run(story())
    seen = collector.spans[0]
    assert seen["integration.unread"] == "too_large"
    assert seen["messaging.message.body.size"] == seen["integration.ack.size"] == 5_000_000


def test_head_and_bodiless_answers_do_not_swallow_the_next(collector: Collector, tmp_path: Path) -> None:
    steps = [
        (">", b"HEAD /journals HTTP/1.1\r\nHost: e\r\n\r\n" + request(JOURNAL)),
        ("<", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n"),
        ("<", b"\r\n" + response(b"", "204 No Content")[:-2]),
        ("<", b"\r\n"),
        (">", request(JOURNAL)),
        ("<", response()),
    ]
    asyncio.run(pass_along(collector, tmp_path, steps, 3))
    assert [s["http.response.status_code"] for s in collector.spans] == [200, 204, 201]


def test_a_body_that_ends_with_the_connection(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        async with between(collector, tmp_path) as (reader, writer, server_reader, server_writer, _):
            writer.write(request(JOURNAL))
            await server_reader.readexactly(len(request(JOURNAL)))
            server_writer.write(b"HTTP/1.0 200 OK\r\n\r\nhello")
            server_writer.close()
            assert await asyncio.wait_for(reader.read(), 5) == b"HTTP/1.0 200 OK\r\n\r\nhello"
            await eventually(lambda: len(collector.spans) == 1)

    asyncio.run(story())
    assert collector.spans[0]["integration.outcome"] == "accepted"
    assert collector.spans[0]["integration.ack.size"] == 5


@pytest.mark.parametrize(
    ("answer", "outcome"), [(b"", "none"), (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal", "error")]
)
def test_a_broken_answer(collector: Collector, tmp_path: Path, answer: bytes, outcome: str) -> None:
    async def story() -> None:
        async with between(collector, tmp_path) as (reader, writer, server_reader, server_writer, _):
            writer.write(request(JOURNAL))
            await server_reader.readexactly(len(request(JOURNAL)))
            server_writer.write(answer)
            await server_writer.drain()
            server_writer.close()
            assert await asyncio.wait_for(reader.read(), 5) == answer
            await eventually(lambda: len(collector.spans) == 1)

    asyncio.run(story())
    assert collector.spans[0]["integration.outcome"] == outcome


def test_an_unreachable_server_breaks_the_clients_connection(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        taps = Taps(interfaces(ERP | {"upstream": "http://127.0.0.1:1"}), SITE, collector.url, tmp_path)
        await taps.start()
        reader, writer = await asyncio.open_connection(*taps.addresses["erp-journals"])
        writer.write(request(JOURNAL))
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        await taps.stop(1.0)

    asyncio.run(story())


def test_a_declined_upgrade_goes_on_and_a_taken_one_passes_unread(
    collector: Collector, tmp_path: Path
) -> None:
    offer = request(JOURNAL, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA")
    steps = [
        (">", offer),
        ("<", response()),
        (">", request(JOURNAL)),
        ("<", response()),
        (">", b"GET /ws HTTP/1.1\r\nHost: e\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        (
            "<",
            b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi",
        ),
        (">", b"\x81\x82abcd\x00\xff"),
        ("<", b"\x88\x00"),
    ]
    counters = asyncio.run(pass_along(collector, tmp_path, steps, 3))
    assert [s["http.response.status_code"] for s in collector.spans] == [201, 201, 101]
    assert (counters["upgraded"], counters["opaque"], counters["unseen"]) == (1, 0, 0)


def test_what_is_no_http_passes(collector: Collector, tmp_path: Path) -> None:
    steps = [
        (">", b"\x00\x01PRI * HTTP/2.0\r\n\r\n"),
        ("<", b"\xff\xfe"),
        (">", request(JOURNAL)),
        ("<", b"x"),
    ]
    counters = asyncio.run(pass_along(collector, tmp_path, steps, 0))
    assert (counters["opaque"], counters["unseen"], counters["watch_failures"]) == (1, 0, 0)


def test_propagated_context_goes_on_and_the_key_becomes_a_link(collector: Collector, tmp_path: Path) -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    steps = [
        (">", request(JOURNAL, f"TraceParent: {traceparent}") + request(JOURNAL, "traceparent: ${trace}")),
        ("<", response() + response()),
    ]
    asyncio.run(pass_along(collector, tmp_path, steps, 2))
    continued, own = collector.spans
    assert continued.trace == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert continued.parent == "00f067aa0ba902b7"
    assert continued.links == [token("account", "A1")]
    assert continued.tokens == {"account": token("account", "A1")}
    assert (own.trace, own.parent, own.links) == (token("account", "A1"), "", [])


def test_compressed_bodies_are_read(collector: Collector, tmp_path: Path) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(JOURNAL) + packer.flush()
    bomb = zlib.compressobj(wbits=31)
    large = bomb.compress(b" " * 50_000_000) + bomb.flush()
    steps = [
        (">", request(packed, "Content-Encoding: gzip")),
        ("<", response()),
        (">", request(large, "Content-Encoding: gzip")),
        ("<", response()),
    ]
    asyncio.run(pass_along(collector, tmp_path, steps, 2))
    assert collector.spans[0].tokens == {"account": token("account", "A1")}
    assert collector.spans[1]["integration.unread"] == "too_large"


def test_route_templates_hide_what_paths_hold(collector: Collector, tmp_path: Path) -> None:
    steps = [
        (">", request(b"{}", line="PUT /orders/MRN123/lines/4?name=DOE HTTP/1.1")),
        ("<", response()),
        (">", request(b"{}", line="PUT /orders/MRN123 HTTP/1.1")),
        ("<", response()),
    ]
    asyncio.run(pass_along(collector, tmp_path, steps, 2))
    assert [s["integration.operation"] for s in collector.spans] == ["PUT /orders/{id}/lines/{line}", "PUT *"]
    assert b"MRN123" not in b"".join(collector.bodies)
