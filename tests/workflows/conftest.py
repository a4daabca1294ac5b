"""A hospital under watch: a migrated store with the shipped discharge workflow active."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from slo.workflows.activate import activate
from slo.workflows.evaluator import Evaluator
from slo.workflows.load import Definition, define
from tests.workflows.traffic import MONDAY, Span, insert
from tracing.identity import Resolver
from tracing.store import Store, open_store

WRITTEN = (
    "spans",
    "keys",
    "key_sightings",
    "key_facts",
    "key_news",
    "identity_events",
    "key_collisions",
    "doubtful_keys",
    "derived_traces",
    "journeys",
    "journey_members",
    "key_places",
    "trace_outlines",
    "message_places",
    "key_authorities",
    "journey_former",
    "checkpoints",
    "batches",
    "instances",
    "open_instances",
    "instance_hours",
    "step_chances",
    "instance_changes",
    "reader_progress",
    "reader_blocks",
)
EVERY_WORD = Path(__file__).parent / "every-word.yaml"
PACKS = Path(__file__).parents[2] / "workflows"


@dataclass
class Hospital:
    """Store, loops and definition; `sees` is what the core does when spans arrive."""

    store: Store
    definition: Definition
    resolver: Resolver
    evaluator: Evaluator

    @classmethod
    def over(cls, store: Store, definition: Definition) -> Hospital:
        """A hospital whose core has just started."""
        return cls(store, definition, Resolver(store), Evaluator(store))

    def sees(self, spans: Iterable[Span], now: datetime = MONDAY) -> None:
        insert(self.store, spans)
        self.settle(now)

    def settle(self, now: datetime = MONDAY) -> int:
        self.resolver.step(now)
        return self.evaluator.step(now)


@pytest.fixture
def discharge_pack() -> Definition:
    return define(PACKS / "discharge-to-cash.yaml")


@pytest.fixture(scope="session")
def active_store(embedded_url: str) -> Iterator[Store]:
    """One database for all stories: a migration and an activation each would cost more than the stories."""
    with open_store(f"{embedded_url}?database=test_workflows") as store:
        store.migrate()
        activate(store, define(PACKS / "discharge-to-cash.yaml"), MONDAY)
        yield store


@pytest.fixture
def hospital(active_store: Store, discharge_pack: Definition) -> Hospital:
    for table in WRITTEN:
        active_store.command(f"TRUNCATE TABLE {table}")
    return Hospital.over(active_store, discharge_pack)
