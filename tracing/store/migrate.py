"""Numbered forward-only migrations with a lock and a checksum.

Called by `Store.migrate` and `Store.ddl`. Must never run a file twice, never skip one, and never go on when
a file that was applied is not the file that is shipped.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from tracing.store.errors import MigrationError, StoreRefused, StoreUnavailable
from tracing.store.statements import render, split_statements

if TYPE_CHECKING:
    from tracing.store.store import Store

_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql\Z")
_TABLE_ALREADY_EXISTS = 57
_LOCK_WAIT_S = 60.0
_LOCK_STALE_S = 120
# An embedded database belongs to one process, so threads are all that can compete for it.
_in_process = threading.Lock()

_HISTORY = """
CREATE TABLE IF NOT EXISTS ${table:schema_migrations}
(
    file       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${engine:ReplacingMergeTree(applied_at)}
ORDER BY file;
${distributed:schema_migrations:cityHash64(file)};
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One shipped file. `checksum` is over the text as written, so it does not depend on the engine."""

    file: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def shipped(package: str = "tracing.store.migrations") -> list[Migration]:
    """All migrations in the order they run."""
    found = [
        Migration(entry.name, entry.read_text(encoding="utf-8"))
        for entry in files(package).iterdir()
        if _FILE.match(entry.name)
    ]
    return sorted(found, key=lambda migration: migration.file)


def rendered(cluster: str | None, migrations: list[Migration] | None = None) -> str:
    """Every statement of every migration for one engine, each ended by a semicolon."""
    parts: list[str] = []
    for migration in shipped() if migrations is None else migrations:
        parts.append(f"-- {migration.file}")
        parts += [f"{statement};" for statement in split_statements(render(migration.text, cluster))]
    return "\n\n".join(parts) + "\n"


def migrate(store: Store, cluster: str | None, migrations: list[Migration] | None = None) -> list[str]:
    """Apply what is missing; returns the names of the files applied now.

    Raises MigrationError when an applied file has changed, has vanished from an older range, or fails.
    """
    wanted = shipped() if migrations is None else migrations
    with _locked(store):
        for statement in split_statements(render(_HISTORY, cluster)):
            store.command(statement)
        done = applied(store)
        _refuse_changes(wanted, done)
        fresh = [migration for migration in wanted if migration.file not in done]
        for migration in fresh:
            for number, statement in enumerate(split_statements(render(migration.text, cluster)), 1):
                try:
                    store.command(statement)
                except StoreRefused as error:
                    raise MigrationError(
                        f"{migration.file}, statement {number}: {error}", code=error.code
                    ) from error
            store.insert("schema_migrations", ["file", "checksum"], [(migration.file, migration.checksum)])
    return [migration.file for migration in fresh]


def applied(store: Store) -> dict[str, str]:
    """File name to checksum of what this database has seen."""
    rows = store.query("SELECT file, argMax(checksum, applied_at) FROM schema_migrations GROUP BY file").rows
    return dict(rows)


def _refuse_changes(wanted: list[Migration], done: dict[str, str]) -> None:
    known = {migration.file: migration for migration in wanted}
    for file, checksum in sorted(done.items()):
        if file not in known:
            raise MigrationError(
                f"This database has seen {file}, which this version of Caretrail does not ship: it was made "
                "by a newer version; install that one"
            )
        if known[file].checksum != checksum:
            raise MigrationError(
                f"{file} has changed since it was applied to this database. Migrations only go forward: put "
                "the file back and write the change as a new, higher number"
            )


@contextmanager
def _locked(store: Store) -> Iterator[None]:
    if store.capabilities.one_process:
        with _in_process:
            yield
        return
    # CREATE TABLE without IF NOT EXISTS is the one atomic test-and-set a server without Keeper offers.
    owner = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}"
    give_up = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            store.command(f"CREATE TABLE schema_lock (owner String) ENGINE = Memory COMMENT '{owner}'")
            break
        except StoreRefused as error:
            if error.code != _TABLE_ALREADY_EXISTS:
                raise
            _drop_stale(store)
        if time.monotonic() > give_up:
            raise StoreUnavailable("Another process is migrating this database (table schema_lock)")
        time.sleep(0.2)
    try:
        yield
    finally:
        store.command("DROP TABLE IF EXISTS schema_lock")


def _drop_stale(store: Store) -> None:
    """Remove the lock of a process that died. Every statement of a migration can be repeated, so that two
    processes that both thought so do no harm."""
    stale = store.query(
        "SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'schema_lock' "
        f"AND metadata_modification_time < now() - {_LOCK_STALE_S}"
    ).rows
    if stale:
        store.command("DROP TABLE IF EXISTS schema_lock")
