"""A PostgreSQL of its own for a test: Debian's, on loopback, in a folder that goes away with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.taps.certificates import Signed

PASSWORD = "not the password of anything"
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def binary(name: str) -> str:
    """The server's program, or a loud skip; under CI=true a failure."""
    for folder in _FOLDERS:
        if (folder / name).exists():
            return str(folder / name)
    if found := shutil.which(name):
        return found
    message = "POSTGRESQL IS MISSING: apt-get install postgresql; the database tap was not tested with one"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(message)
    warnings.warn(message, stacklevel=1)
    pytest.skip(message)


class Postgres:
    """One server. It refuses to run as root, so as root it runs as somebody with fewer rights."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="caretrail-postgres-"))
        self._data = self._folder / "data"
        self._as: list[str] = []
        if os.geteuid() == 0:
            user = next(name for name in ("postgres", "nobody") if _exists(name))
            shutil.chown(self._folder, user)
            self._as = ["runuser", "-u", user, "--"]
        secret = self._folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            [binary("initdb"), "--no-sync", "--username=owner", "--auth=scram-sha-256", "--encoding=UTF8"],
            [f"--pwfile={secret}", f"--pgdata={self._data}", "--locale=C.UTF-8"],
        )
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: Any = None
        self._log = self._folder / "log"

    @property
    def url(self) -> str:
        """Of the owner's database, without a password."""
        return f"postgresql+pg8000://owner@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Until it answers."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": str(self._folder),
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": 12,
            "autovacuum": "off",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as, binary("postgres"), "-D", str(self._data), *settings],
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        end = time.monotonic() + 30
        while True:
            try:
                self.execute("SELECT 1")
                return
            except Exception:
                assert self._process.poll() is None, self._log.read_text(errors="replace")
                assert time.monotonic() < end, self._log.read_text(errors="replace")
                time.sleep(0.05)

    def stop(self) -> None:
        """Fast: connections are ended. By its own process ID."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._process is None:
            return
        pid = self._data / "postmaster.pid"
        number = int(pid.read_text().splitlines()[0]) if pid.exists() else self._process.pid
        os.kill(number, signal.SIGINT)
        self._process.wait(30)
        self._process = None

    def use_certificate(self, signed: Signed) -> None:
        """Offer TLS from now on."""
        owner = self._folder.stat()
        for name, path in (("ssl_cert_file", signed.certificate), ("ssl_key_file", signed.key)):
            mine = self._folder / f"{name}.pem"
            shutil.copyfile(path, mine)
            mine.chmod(0o600)
            os.chown(mine, owner.st_uid, owner.st_gid)
            self.execute(f"ALTER SYSTEM SET {name} = '{mine}'")
        self.execute("ALTER SYSTEM SET ssl = on")
        self.execute("SELECT pg_reload_conf()")

    def remove(self) -> None:
        """Stop, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def connect(self) -> Any:
        """A connection of somebody who writes; commits are the caller's."""
        import pg8000.dbapi

        return pg8000.dbapi.connect("owner", "127.0.0.1", "postgres", self.port, PASSWORD, timeout=20)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """One statement, committed; its rows. Always on the same connection: each costs a password's hash."""
        if self._writer is None:
            self._writer = self.connect()
            self._writer.autocommit = True
        cursor = self._writer.cursor()
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []

    def _run(self, *command: list[str]) -> None:
        done = subprocess.run(
            [*self._as, *(part for parts in command for part in parts)],
            capture_output=True,
            text=True,
            cwd=self._folder,
        )
        assert done.returncode == 0, done.stderr


def _exists(user: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
