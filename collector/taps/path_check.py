"""Do the paths named in a configuration exist in a version of HL7 v2? Asked in a process of its own.

Called by `config`. The tables of the standard (hl7apy) take 17 MB, which a tap would carry for ever to have
looked at them once at start; so they are loaded elsewhere, unless this process has them already.
It must never decide anything itself: `tracing.protocols.hl7v2_names` does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache

TIMEOUT_SECONDS = 30.0


def problems(paths: tuple[str, ...], version: str) -> dict[str, str]:
    """What is wrong with each path that does not exist; empty if all do."""
    if not paths:
        return {}
    if "hl7apy" in sys.modules:
        return ask(paths, version)
    return dict(_elsewhere(paths, version))


def ask(paths: tuple[str, ...], version: str) -> dict[str, str]:
    """The same in this process."""
    from tracing.protocols.hl7v2_names import UnknownPath, validate_path

    found: dict[str, str] = {}
    for path in paths:
        try:
            validate_path(path, version)
        except UnknownPath as error:
            found[path] = str(error)
    return found


@lru_cache(maxsize=64)
def _elsewhere(paths: tuple[str, ...], version: str) -> tuple[tuple[str, str], ...]:
    command = [sys.executable, "-m", "collector.taps.path_check", version, *paths]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
        answer: dict[str, str] = json.loads(ended.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        answer = ask(paths, version)  # heavier, but the question has to be answered
    return tuple(answer.items())


if __name__ == "__main__":
    print(json.dumps(ask(tuple(sys.argv[2:]), sys.argv[1])))
