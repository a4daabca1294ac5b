"""A process started by the demo ends when the demo does, however that ended.

The parent keeps the write end of a pipe open; when it is gone the read end says so. No polling, no signals.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

_VARIABLE = "CARETRAIL_PARENT_PIPE"


def child_environment(read_end: int) -> dict[str, str]:
    """The environment for a child that inherits `read_end`."""
    return {**os.environ, _VARIABLE: str(read_end)}


def follow(ended: Callable[[], None]) -> None:
    """Call `ended` once when the parent has gone; does nothing for a process nobody's pipe was given to."""
    number = os.environ.pop(_VARIABLE, None)
    if number is None:
        return

    def wait() -> None:
        os.read(int(number), 1)
        ended()

    threading.Thread(target=wait, name="parent", daemon=True).start()
