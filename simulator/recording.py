"""Recordings: what taps would have seen, one JSON object a line, in order of the answers.

Written by `simulator.history`; replayed by whoever wants history in a store. Format in simulator/README.md.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from simulator.hops import Hop


def nanoseconds(moment: float) -> int:
    """Unix nanoseconds, whole microseconds of a float in seconds."""
    return round(moment * 1_000_000) * 1000


def line(hop: Hop) -> str:
    """The hop as one line of JSON without its end."""
    record: dict[str, Any] = {
        "interface": hop.interface,
        "protocol": hop.protocol,
        "at": nanoseconds(hop.start),
        "end": nanoseconds(hop.end),
        "request_b64": b64encode(hop.request).decode(),
        "response_b64": None if hop.response is None else b64encode(hop.response).decode(),
        "status": hop.status or None,
        "method": hop.method or None,
        "path": hop.path or None,
    }
    return json.dumps(record)


class RecordingWriter:
    """A witness that writes every hop from `since` (Unix seconds) on."""

    def __init__(self, out: TextIO, since: float) -> None:
        self._out, self._since = out, since
        self.hops = 0

    def hop(self, hop: Hop) -> None:
        if hop.start >= self._since:
            self._out.write(line(hop) + "\n")
            self.hops += 1

    def lost(self, encounter: str, message: str, where: str, at: float) -> None:
        return

    def fault(self, owner: str, message: str, number: str, fault: str, at: float) -> None:
        return


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a recording, in order."""
    with path.open() as lines:
        for text in lines:
            yield json.loads(text)
