"""Ports for the listeners of the tests, each given once.

A port the kernel gives and takes back may go to an outgoing connection of any other test before its listener
binds it, seconds later in another process. So these come from below the kernel's range of such ports, and
every worker of a run has a part of its own.
"""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_FIRST = 12_000
_WORKERS = 8


def _candidates() -> Iterator[int]:
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    each = (low - _FIRST) // _WORKERS
    # Two runs on one machine begin at different places.
    begin = os.getpid() * 97 % each
    return (_FIRST + worker * each + (begin + number) % each for number in itertools.count())


_CANDIDATES = _candidates()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, not given before in this process."""
    for port in _CANDIDATES:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("unreachable: the candidates do not end")
