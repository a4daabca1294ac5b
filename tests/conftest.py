"""Fixtures every test may use: an empty, migrated store in a database of its own.

The embedded engine opens one path per process, so one engine serves the whole run and each test gets a
database of its own in it. To run a test over HTTP as well:
`@pytest.mark.parametrize("store", ["embedded", "server"], indirect=True)`.
"""

from __future__ import annotations

import itertools
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


@pytest.fixture
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Function from backend ("embedded") to the URL of a database nobody has used; dropped afterwards."""
    made: list[str] = []

    def new(backend: str) -> str:
        name = f"test_{next(_numbers)}"
        assert backend == "embedded", f"no such backend: {backend}"
        url = f"{request.getfixturevalue('embedded_url')}?database={name}"
        made.append(url)
        return url

    yield new
    for url in made:
        with open_store(url) as store:
            store.command(f"DROP DATABASE IF EXISTS {store.database}")


@pytest.fixture
def store_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """URL of an empty, not yet migrated database; parametrise `store` to choose the backend."""
    return new_database("embedded")


@pytest.fixture
def store(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Store]:
    """A migrated, empty store. Its `handle()` serves further threads."""
    with open_store(new_database(getattr(request, "param", "embedded"))) as opened:
        opened.migrate()
        yield opened
