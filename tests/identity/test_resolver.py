"""The resolver against a plain union-find: any order, any repetition, restarts, and only what was touched."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracing.identity import Resolver
from tracing.keys import KINDS
from tracing.store import Store

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
Message = tuple[str, ...]
"""The keys of one message, written kind:number."""


def kind(token: str) -> str:
    return token.split(":")[-2]


def rank(token: str) -> int:
    return KINDS.index(kind(token))


def insert(store: Store, messages: Iterable[Message]) -> None:
    """What the span view stores for messages: links of the best key with every other, both directions."""
    pairs, keys = [], []
    for message in messages:
        for token in message:
            keys.append((token, kind(token), "NSH", "", first_seen(token)))
        best, *others = sorted(set(message), key=lambda token: (rank(token), message.index(token)))
        for other in others:
            pairs.append((best, kind(best), other, kind(other), NOW, "span"))
            pairs.append((other, kind(other), best, kind(best), NOW, "span"))
    store.insert("keys", ("token", "kind", "authority", "sealed", "first_seen"), keys)
    store.insert("key_pairs", ("token", "kind", "other", "other_kind", "at", "span_id"), pairs)


def first_seen(token: str) -> datetime:
    """Every visit has a time of its own, so that "latest" has one answer."""
    return NOW + timedelta(minutes=(int(token.split(":")[-1]) * 7) % 10)


def places(store: Store) -> dict[str, tuple[str, str]]:
    rows = store.query("SELECT token, journey, certainty FROM journeys FINAL").rows
    return {token: (journey, certainty) for token, journey, certainty in rows}


def plain_model(messages: Iterable[Message]) -> dict[str, tuple[str, str]]:
    """Union-find over keys that no visit was seen with; visits by set."""
    links = set()
    for message in messages:
        best, *others = sorted(set(message), key=lambda token: (rank(token), message.index(token)))
        links |= {(best, other) for other in others}
    tokens = {token for pair in links for token in pair}
    visits: dict[str, set[str]] = {token: set() for token in tokens}
    for one, other in links:
        if kind(one) == "visit" and kind(other) != "visit":
            visits[other].add(one)
    parent = {token: token for token in tokens}

    def find(token: str) -> str:
        while parent[token] != token:
            token = parent[token]
        return token

    floating = {token for token in tokens if kind(token) != "visit" and not visits[token]}
    around: dict[str, set[str]] = {}
    for one, other in links:
        if one in floating and other in floating:
            roots = sorted((find(one), find(other)), key=lambda token: (rank(token), token))
            parent[roots[1]] = roots[0]
    for one, other in links:
        for here, there in ((one, other), (other, one)):
            if here in floating and there not in floating:
                around.setdefault(find(here), set()).update(visits[there])
    answer = {}
    for token in tokens:
        candidates = visits[token] if token not in floating else around.get(find(token), set())
        if kind(token) == "visit":
            answer[token] = (token, "certain")
        elif candidates:
            chosen = max(candidates, key=lambda visit: (first_seen(visit), visit))
            answer[token] = (chosen, "certain" if len(candidates) == 1 else "probable")
        else:
            answer[token] = (find(token), "certain")
    return answer


@st.composite
def hospitals(draw: st.DrawFn) -> list[Message]:
    """Messages of a few dozen small hospitals; a hospital's number stands before its keys."""
    messages: list[Message] = []
    keys = st.builds(
        "{}:{}".format,
        st.sampled_from(["visit", "account", "order", "claim", "journal"]),
        st.integers(1, 3),
    )
    for number in range(draw(st.integers(5, 25))):
        own = draw(st.lists(st.lists(keys, min_size=1, max_size=3, unique=True), min_size=1, max_size=8))
        # One visit a message: what two visits in one message mean is not this rule's business.
        messages += [
            tuple(f"{number}:{key}" for key in message)
            for message in own
            if sum(key.startswith("visit") for key in message) < 2
        ]
    return messages


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(messages=hospitals(), data=st.data())
def test_any_order_repetition_and_restart_give_the_journeys_of_the_plain_model(
    store: Store, messages: list[Message], data: st.DataObject
) -> None:
    for table in ("keys", "key_pairs", "journeys", "journey_members", "journey_former", "reader_progress"):
        store.command(f"TRUNCATE TABLE {table}")
    sent = data.draw(st.permutations(messages + messages[:: data.draw(st.integers(1, 3))]))
    resolver = Resolver(store)
    parts = data.draw(st.integers(1, 3))
    for n in range(parts):
        insert(store, sent[n::parts])
        if data.draw(st.booleans()):
            resolver = Resolver(store)
        resolver.step(NOW)
    assert places(store) == plain_model(messages)
    assert resolver.step(NOW) == 0


def test_a_visit_learned_late_takes_the_group_and_leaves_a_trail(store: Store) -> None:
    resolver = Resolver(store)
    insert(store, [("account:1", "claim:1")])
    assert resolver.step(NOW) == 2
    assert places(store)["claim:1"] == ("account:1", "certain")
    insert(store, [("visit:1", "account:1")])
    assert resolver.step(NOW) == 3
    assert {journey for journey, _ in places(store).values()} == {"visit:1"}
    former = store.query("SELECT token, journey FROM journey_former ORDER BY token, journey").rows
    assert former == [("account:1", "account:1"), ("claim:1", "account:1"), ("claim:1", "claim:1")]


def test_a_step_reads_only_new_links(store: Store) -> None:
    resolver = Resolver(store)
    insert(store, [("visit:1", "account:1")])
    assert resolver.step(NOW) == 2
    assert resolver.step(NOW) == 0
    # Were the first link read again, the place taken away here would come back.
    store.command("TRUNCATE TABLE journeys")
    insert(store, [("visit:2", "account:2")])
    assert resolver.step(NOW) == 2
    assert set(places(store)) == {"visit:2", "account:2"}


def test_two_resolvers_at_once_do_no_harm(store: Store) -> None:
    one, other = Resolver(store), Resolver(store)
    insert(store, [("visit:1", "account:1"), ("account:1", "claim:1")])
    one.step(NOW)
    assert other.step(NOW) == 0
    insert(store, [("visit:1", "claim:2")])
    other.step(NOW)
    assert one.step(NOW) == 0
    assert {journey for journey, _ in places(store).values()} == {"visit:1"}
