"""The set-aside folder: what the store refused, or the disk damaged, with the reason beside it.

The writer puts bodies here so that they never block the ones behind them; `caretrail doctor` lists them.
Nothing is deleted here except by an explicit requeue.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collector.wal.files import Files

log = logging.getLogger(__name__)
_LONGEST_ERROR = 4000


@dataclass(frozen=True, slots=True)
class Refused:
    """One set-aside body. `at`: Unix time. `error`: what the store or the checksum said."""

    name: str
    size: int
    error: str
    at: float
    requeueable: bool


class RefusedFolder:
    """`refused/` in the log's folder: `NAME.otlp` (or `.damaged`) and `NAME.json` with the error."""

    def __init__(self, directory: Path, files: Files, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._files = files
        self._clock = clock
        directory.mkdir(mode=0o700, exist_ok=True)

    def set_aside(self, body: bytes, error: str) -> str:
        """Keep `body` with its error; durable on return. The same body is kept once. Returns its name."""
        name = hashlib.sha256(body).hexdigest()[:32]
        self._keep(name, ".otlp", body, error)
        return name

    def damaged(self, segment: str, offset: int, data: bytes) -> None:
        """Keep bytes of a segment whose checksum failed although records behind them are sound."""
        error = f"segment {segment}: {len(data)} bytes at {offset} do not match their checksum (disk damage)"
        self._keep(f"{segment}-{offset}-{hashlib.sha256(data).hexdigest()[:8]}", ".damaged", data, error)

    def move(self, path: Path, error: str) -> None:
        """Move a whole segment that cannot be read; its bytes are not touched."""
        size = path.stat().st_size
        target = self._directory / f"{path.stem}-{int(self._clock())}.damaged"
        self._note(target.stem, target.suffix, size, error)
        self._files.replace(path, target)

    def _keep(self, name: str, suffix: str, data: bytes, error: str) -> None:
        self._files.write_whole(self._directory / (name + suffix), data)
        self._note(name, suffix, len(data), error)

    def _note(self, name: str, suffix: str, size: int, error: str) -> None:
        note = {"error": error[:_LONGEST_ERROR], "at": self._clock(), "size": size, "file": name + suffix}
        self._files.write_whole(
            self._directory / f"{name}.json", json.dumps(note, ensure_ascii=False).encode()
        )
        # Only the size: an engine's message may quote data of the message it refused.
        log.error("set aside %d bytes as %s; `caretrail doctor` shows why", size, name + suffix)

    def entries(self) -> tuple[Refused, ...]:
        """Everything set aside, oldest first."""
        found: list[Refused] = []
        for path in self._directory.glob("*.json"):
            try:
                note = json.loads(self._files.read(path))
                file = str(note["file"])
                entry = Refused(
                    file, int(note["size"]), str(note["error"]), float(note["at"]), file.endswith(".otlp")
                )
            except (OSError, ValueError, KeyError, TypeError):
                entry = Refused(path.name, 0, "the note beside this body cannot be read", 0.0, False)
            found.append(entry)
        return tuple(sorted(found, key=lambda entry: (entry.at, entry.name)))

    def body(self, entry: Refused) -> bytes:
        return self._files.read(self._directory / entry.name)

    def forget(self, entry: Refused) -> None:
        """Remove a body that went back into the log."""
        stem = entry.name.rpartition(".")[0]
        self._files.unlink(self._directory / f"{stem}.json")
        self._files.unlink(self._directory / entry.name)
