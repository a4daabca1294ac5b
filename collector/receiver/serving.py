"""Serves an HTTP application on a thread of its own: uvicorn with uvloop and httptools, one worker.

Called by the core, for the receiver and for the pages; the same process holds the writer and the embedded
engine. The port is bound before `serve_http` returns, so that a port in use is an error at start.
"""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp


class HttpServer:
    """A running server on `port`."""

    def __init__(self, server: uvicorn.Server, listener: socket.socket) -> None:
        self._server = server
        self._listener = listener
        self.port: int = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="otlp-http", daemon=True
        )

    def start(self) -> None:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        if not self._server.started:
            raise OSError(f"the HTTP server on port {self.port} did not start; see the log")

    def stop(self) -> None:
        """Take no more requests, finish those that run, then end."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()


def serve_http(app: ASGIApp, host: str, port: int, *, lifespan: bool = False) -> HttpServer:
    """Listen on `host`:`port` (0: a free one) and serve. Raises OSError when the port is taken.

    `lifespan`: the application wants to be told of its start and end.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on" if lifespan else "off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
    )
    server = HttpServer(uvicorn.Server(config), listener)
    server.start()
    return server
