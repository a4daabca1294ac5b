"""Fixtures every test may use: an empty, migrated store in a database of its own.

The embedded engine opens one path per process, so one engine serves the whole run and each test gets a
database of its own in it. To run a test over HTTP as well:
`@pytest.mark.parametrize("store", ["embedded", "server"], indirect=True)`.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tracing.store import Store, open_store
from tracing.store.errors import MigrationError

_numbers = itertools.count(1)
Schema = dict[str, tuple[str, str]]

# No example may fail for being slow: what a machine does besides is not the code's.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def embedded_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`chdb://` URL of the engine of this test run; add `?database=…`. Held open so that it starts once."""
    path: Path = tmp_path_factory.mktemp("engine")
    url = f"chdb://{path}"
    with open_store(url):
        yield url


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`http://` URL, with user and password, of a server of this test run; add `/database`."""
    script = Path(__file__).parent / "store" / "clickhouse_http_server.py"
    data = tmp_path_factory.mktemp("server")
    command = [sys.executable, str(script), "--port", "0", "--path", str(data), "--password", "secret"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TZ": "UTC"}
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "the test server did not start"
        try:
            yield address.replace("http://", "http://default:secret@")
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                # The engine finishes its merges first, which may take minutes; nobody reads its data again.
                process.kill()


@pytest.fixture
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Function from backend ("embedded", "server") to the URL of an unused database; dropped later."""
    made: list[str] = []

    def new(backend: str) -> str:
        name = f"test_{next(_numbers)}"
        base = request.getfixturevalue(f"{backend}_url")
        made.append(f"{base}?database={name}" if backend == "embedded" else f"{base}/{name}")
        return made[-1]

    yield new
    for url in made:
        with open_store(url) as store:
            store.command(f"DROP DATABASE IF EXISTS {store.database}", outside=True)


@pytest.fixture
def store_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """URL of an empty database without tables; parametrise indirectly to choose the backend."""
    return new_database(getattr(request, "param", "embedded"))


@pytest.fixture(scope="session")
def spare_databases() -> list[tuple[str, Schema]]:
    """(URL, schema) of migrated databases of the embedded engine that are empty again."""
    return []


@pytest.fixture
def store(
    request: pytest.FixtureRequest,
    new_database: Callable[[str], str],
    spare_databases: list[tuple[str, Schema]],
) -> Iterator[Store]:
    """A migrated, empty store. Its `handle()` serves further threads.

    Migrating takes seconds, so on the embedded engine a database is used again by the next test, emptied.
    """
    if getattr(request, "param", "embedded") == "server":
        with open_store(new_database("server")) as opened:
            opened.migrate()
            yield opened
        return
    if spare_databases:
        url, shipped = spare_databases.pop()
    else:
        embedded = request.getfixturevalue("embedded_url")
        url, shipped = f"{embedded}?database=pooled_{next(_numbers)}", {}
    with open_store(url) as opened:
        if not shipped:
            opened.migrate()
            shipped = _schema(opened)
        yield opened
        if _empty(opened, shipped):
            spare_databases.append((url, shipped))
        else:
            opened.command(f"DROP DATABASE {opened.database}", outside=True)


def _schema(store: Store) -> Schema:
    """Engine and definition of every table and view of the store's database by its name."""
    sql = "SELECT name, engine, create_table_query FROM system.tables WHERE database = currentDatabase()"
    return {name: (engine, definition) for name, engine, definition in store.query(sql).rows}


def _empty(store: Store, shipped: Schema) -> bool:
    """Drop what the test made, truncate what it found; False when the test changed the schema itself.

    Only the definitions are compared: asking the store to check itself migrates a database for that, which
    takes longer than most tests.
    """
    found = _schema(store)
    try:
        as_shipped = not store.migrate()
    except MigrationError:
        as_shipped = False
    if not as_shipped or any(found.get(name) != its for name, its in shipped.items()):
        return False
    for name in sorted(set(found) - set(shipped)):
        store.command(f"DROP TABLE IF EXISTS {name} SYNC")
    for name, (engine, _) in shipped.items():
        if engine.endswith("MergeTree") and name != "schema_migrations":
            store.command(f"TRUNCATE TABLE {name}")
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is quick and needs nothing first, the engine next, whole processes after it, the browser last."""

    def cost(item: pytest.Item) -> int:
        if "tests/browser/" in item.nodeid:
            return 3
        if item.get_closest_marker("slow"):
            return 2
        return int("store" in getattr(item, "fixturenames", ()))

    items.sort(key=cost)
