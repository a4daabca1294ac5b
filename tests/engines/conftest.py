"""One migrated database for all tests of engines; each finds its table empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tracing.store import Store, open_store


@pytest.fixture(scope="session")
def migrated(embedded_url: str) -> Iterator[Store]:
    with open_store(f"{embedded_url}?database=engines") as opened:
        opened.migrate()
        yield opened
        opened.command("DROP DATABASE engines", outside=True)


@pytest.fixture
def store(migrated: Store) -> Iterator[Store]:
    yield migrated
    migrated.command("TRUNCATE TABLE engine_gauges")
