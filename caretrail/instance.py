"""The data folder of one running instance: its lock, its settings file, and how commands find it.

Used by every command that starts or asks an instance. Must never let two instances write one folder.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from collections.abc import Collection
from pathlib import Path
from typing import IO

CONFIG_NAME = "caretrail.yaml"
#: The first port Linux gives to outgoing connections (ip_local_port_range).
_OUTGOING = 32_768


class CannotStart(Exception):
    """One line for the person at the terminal; the command ends with exit code 2."""


def find_config(given: str | None) -> Path:
    """The settings file: as given, $CARETRAIL_CONFIG, ./caretrail.yaml, or the demo's. Raises CannotStart."""
    named = given or os.environ.get("CARETRAIL_CONFIG")
    if named:
        if not Path(named).is_file():
            raise CannotStart(f"no settings file at {named}")
        return Path(named)
    for candidate in (Path(CONFIG_NAME), Path(".caretrail") / CONFIG_NAME):
        if candidate.is_file():
            return candidate
    raise CannotStart(
        "no settings file: looked for ./caretrail.yaml and ./.caretrail/caretrail.yaml. "
        "Name one with --config, or start the demo with: caretrail demo"
    )


def prepare_folder(folder: Path) -> Path:
    """The folder, made when missing, proven writable. Raises CannotStart."""
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise CannotStart(f"cannot write to the data folder {folder}: {error.strerror}") from None
    return folder.resolve()


def lock(folder: Path, name: str) -> IO[str]:
    """Hold `name` in the folder while the returned file is open. Raises CannotStart when it is held."""
    file = (folder / name).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        who = f" (process {holder})" if holder else ""
        raise CannotStart(f"another Caretrail{who} is running on the data folder {folder}") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def secret_file(path: Path) -> str:
    """The secret in a file only its owner can read, made at first use."""
    try:
        with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    except FileExistsError:
        pass
    return path.read_text().strip()


def bind(host: str, port: int, what: str, remedy: str) -> socket.socket:
    """A listening socket. Raises CannotStart saying which port is taken and what to do."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise CannotStart(f"cannot listen on {host}:{port} for {what}: {error.strerror}. {remedy}") from None
    listener.set_inheritable(True)
    return listener


def free_port(preferred: int, taken: Collection[int] = (), host: str = "127.0.0.1") -> int:
    """The first port from the preferred one up that is not taken and on which nobody listens.

    Never one the system would give: outgoing connections are given those too, and one of them may have it
    before the process it is meant for listens. Raises CannotStart.
    """
    for port in range(preferred, _OUTGOING):
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise CannotStart(f"no free port on {host} from {preferred} to {_OUTGOING - 1}")
