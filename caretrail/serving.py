"""An ASGI application served by uvicorn in a thread of its own, on a socket that is already bound.

Used by the core, so that a taken port is told before anything else starts.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import uvicorn

from caretrail.instance import CannotStart


class Server:
    """`start` returns when requests are answered; `stop` lets those under way end."""

    def __init__(self, name: str, app: Any, listener: socket.socket) -> None:
        self._listener = listener
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=5,
                server_header=False,
                timeout_keep_alive=75,
            )
        )
        self._name = name
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self, timeout_s: float = 30.0) -> None:
        """Raises CannotStart when the application does not come up."""
        self._thread.start()
        limit = time.monotonic() + timeout_s
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > limit:
                raise CannotStart(f"the {self._name} did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10.0)
        self._listener.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])
