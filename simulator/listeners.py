"""Where systems listen: an MLLP server for the engine and for billing, an HTTP server for the ERP.

Used by `simulator.live`. What to answer is the system's decision; here are only connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import h11

from simulator.config import split_address
from tracing.protocols import mllp

_READ = 65536


class Listener:
    """A server that also closes the connections it has when it is closed, as a stopped process would."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self, address: str) -> None:
        """Start; OSError when the address is taken."""
        host, port = split_address(address)
        self._server = await asyncio.start_server(self._connection, host, port)

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._serve(reader, writer)
        except (OSError, h11.RemoteProtocolError):
            pass  # The peer went away or spoke nonsense: it will connect again.
        finally:
            self._open.discard(writer)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError


class MllpListener(Listener):
    """Answers each message with `receive(payload)`; None is no acknowledgement."""

    def __init__(self, receive: Callable[[bytes], bytes | None]) -> None:
        super().__init__()
        self._receive = receive

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deframer = mllp.Deframer()
        while data := await reader.read(_READ):
            for item in deframer.feed(data):
                answer = self._receive(item.payload) if isinstance(item, mllp.Frame) else None
                if answer is not None:
                    writer.write(mllp.frame(answer))
            await writer.drain()


class HttpListener(Listener):
    """Answers each request with `answer(method, path, body)` -> (status, JSON body)."""

    def __init__(self, answer: Callable[[str, str, bytes], tuple[int, bytes]]) -> None:
        super().__init__()
        self._answer = answer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(our_role=h11.SERVER)
        method, path, body = "", "", bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_READ))
            elif isinstance(event, h11.Request):
                method = event.method.decode()
                path = event.target.decode("ascii", "replace").split("?")[0]
                body = bytearray()
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                status, answer = self._answer(method, path, bytes(body))
                headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
                events = (
                    h11.Response(status_code=status, headers=headers),
                    h11.Data(data=answer),
                    h11.EndOfMessage(),
                )
                writer.write(b"".join(connection.send(e) or b"" for e in events))
                await writer.drain()
                if connection.our_state is h11.MUST_CLOSE:
                    return
                connection.start_next_cycle()
            else:
                return
