"""The folders between billing and the clearing house: files appear whole, and are noticed by looking.

Used by `simulator.live`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

SUFFIX = ".x12"


def write_whole(folder: Path, name: str, data: bytes) -> None:
    """Put a file into the folder so that no reader ever sees half of it."""
    partial = folder / f".{name}.partial"
    partial.write_bytes(data)
    os.replace(partial, folder / name)


class FolderWatch:
    """Gives each file that appears after the start to `receive`, once."""

    def __init__(self, folder: Path, receive: Callable[[bytes], None]) -> None:
        self._folder, self._receive = folder, receive
        self._seen = set(self._names())

    def look(self) -> None:
        """Take what is new."""
        for name in self._names():
            if name not in self._seen:
                self._seen.add(name)
                self._receive((self._folder / name).read_bytes())

    async def run(self, every: float) -> None:
        """Look every so many seconds until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(every)

    def _names(self) -> list[str]:
        return sorted(name for name in os.listdir(self._folder) if name.endswith(SUFFIX) and name[0] != ".")
