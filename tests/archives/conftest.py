"""Fixtures of the archive tests: a collector that keeps what it is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.taps.world import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    """An OTLP/HTTP endpoint."""
    with Collector() as running:
        yield running
