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

from tracing.store import Store, open_store

_numbers = itertools.count(1)


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
            process.wait(timeout=20)


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


@pytest.fixture
def store(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Store]:
    """A migrated, empty store. Its `handle()` serves further threads."""
    with open_store(new_database(getattr(request, "param", "embedded"))) as opened:
        opened.migrate()
        yield opened
