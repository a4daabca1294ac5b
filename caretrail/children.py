"""The demo's processes: started, watched, started again when they die, and stopped in order.

Used by `caretrail demo`. A child's output goes to a file in the data folder; a child never outlives the demo.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from caretrail.parent import child_environment

_STOP_S = 20.0
_SOONEST_AGAIN_S = 1.0


@dataclass(slots=True)
class Child:
    """One process. `command`: arguments of the caretrail command line."""

    name: str
    command: list[str]
    log: Path
    _process: subprocess.Popen[bytes] | None = None
    _pipe: int | None = None
    _started: float = field(default=0.0)

    def start(self) -> None:
        """Start it, its output appended to `log`."""
        read_end, write_end = os.pipe()
        os.set_inheritable(read_end, True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "caretrail.main", *self.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=child_environment(read_end),
                pass_fds=(read_end,),
                start_new_session=True,  # Ctrl-C reaches the demo alone, which stops its children in order.
            )
        os.close(read_end)
        self.log.with_suffix(".pid").write_text(f"{self._process.pid}\n")
        self._close_pipe()
        self._pipe = write_end
        self._started = time.monotonic()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def exit_code(self) -> int | None:
        """None while it runs (or was never started)."""
        return self._process.poll() if self._process else None

    def revive(self) -> bool:
        """Start it again when it has died, at most once a second. Says whether it did."""
        if self.exit_code() is None or time.monotonic() - self._started < _SOONEST_AGAIN_S:
            return False
        self.start()
        return True

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that is not heard."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._close_pipe()

    def last_line(self) -> str:
        """What it said last, for the person at the terminal."""
        try:
            lines = self.log.read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""

    def _close_pipe(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
