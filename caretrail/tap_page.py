"""The taps' own page for machines: `/metrics`, `/healthz`, `/readyz`, GET only.

Served by `caretrail.tap` in the taps' event loop, where a web framework would weigh more than the taps do. It
must never show anything of a message: interface names and numbers only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

_LONGEST_HEAD = 8192
_SECONDS = 10.0
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


async def serve(host: str, port: int, metrics: Callable[[], str]) -> asyncio.Server:
    """Listen. Raises OSError."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(head.split(b"\r\n", 1)[0], metrics))
                await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port, limit=_LONGEST_HEAD)


def _response(request_line: bytes, metrics: Callable[[], str]) -> bytes:
    method, _, rest = request_line.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    status, kind, body = "404 Not Found", "text/plain", "there is /metrics, /healthz and /readyz\n"
    if method not in (b"GET", b"HEAD"):
        status, body = "405 Method Not Allowed", "GET only\n"
    elif path == b"/metrics":
        status, kind, body = "200 OK", _METRICS, metrics()
    elif path in (b"/healthz", b"/readyz"):
        status, body = "200 OK", "alive\n"
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n"
    return head.encode("ascii") + b"Connection: close\r\n\r\n" + (b"" if method == b"HEAD" else data)
