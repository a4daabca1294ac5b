"""Fixtures of the tap tests: a collector that keeps what it is sent, a sink that decodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.taps.world import Collector, Kept


@pytest.fixture
def collector() -> Iterator[Collector]:
    """An OTLP/HTTP endpoint; `collector.answers` makes it misbehave."""
    with Collector() as running:
        yield running


@pytest.fixture
def sink() -> Kept:
    """A sink that decodes what it is given."""
    return Kept()
