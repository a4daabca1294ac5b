"""What a reader remembers over a restart, what it finds after a long sleep, and whose turn it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.identity.hospitals import NOW, Message, insert
from tracing.identity import Feed, Resolver, turn
from tracing.identity.feed import Progress, save_progress
from tracing.identity.turn import Turn
from tracing.store import Store

_PLACED = "SELECT count() FROM journeys FINAL WHERE token LIKE '%account%'"


def message(n: int) -> Message:
    return Message(f"{n:032x}", "adt", NOW, (f"0:visit:{n}", f"0:account:{n}"), ())


def placed(store: Store) -> int:
    return int(store.query(_PLACED).rows[0][0])


def test_a_feed_goes_on_where_another_ended_and_sees_what_came_to_a_moment_it_had_seen(store: Store) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    columns = ("ingested_at", "fact")
    store.insert("key_news", columns, [(at, "e,a,1"), (at, "e,b,2")])
    first = Feed("test", "key_news", remembers=True)
    found = first.look(store)
    assert found == {at: 2}
    first.done(store, found)
    assert first.look(store) == {}
    again = Feed("test", "key_news", remembers=True)
    assert again.look(store) == {}
    store.insert("key_news", columns, [(at, "e,c,3")])
    assert first.look(store) == again.look(store) == {at: 3}
    assert Feed("other", "key_news", remembers=True).look(store) == {at: 3}


def test_a_resolver_that_slept_for_longer_than_news_are_kept_reads_the_facts(store: Store) -> None:
    insert(store, [message(1)])
    month = timedelta(days=30)
    # The same facts, as if they had been stored a month ago: the view takes them for no news.
    facts = store.query("SELECT * FROM key_facts")
    at = facts.names.index("ingested_at")
    older = [(*row[:at], row[at] - month, *row[at + 1 :]) for row in facts.rows]
    store.command("TRUNCATE TABLE key_news")
    store.command("TRUNCATE TABLE key_facts")
    store.insert("key_facts", facts.names, older)
    assert store.query("SELECT count() FROM key_news").rows == [(0,)]
    save_progress(store, "identity", Progress(datetime.now(UTC) - 2 * month))
    Resolver(store).step(NOW)
    assert placed(store) == 1


def test_of_two_resolvers_that_share_one_works_and_the_other_takes_over_when_it_is_silent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Resolver(store, shares=True), Resolver(store, shares=True)
    insert(store, [message(1)])
    assert one.step(NOW) == 2
    insert(store, [message(2)])
    assert other.step(NOW) == 0
    monkeypatch.setattr(turn, "SILENT_S", 0.0)
    # Only what is new: were the first message worked again, its place taken away here would come back.
    store.command("TRUNCATE TABLE journeys")
    store.command("ALTER TABLE key_facts DELETE WHERE startsWith(fact, 'p') SETTINGS mutations_sync = 2")
    assert other.step(NOW) == 2
    assert placed(store) == 1


def test_two_that_begin_at_once_agree(store: Store) -> None:
    one, other = Turn(store, "test"), Turn(store, "test")
    # Both found nobody.
    assert one.mine()
    other._renewed = one._renewed
    assert other.mine()
    other._renewed = one._renewed = -turn.SILENT_S
    assert (one.mine(), other.mine()) == (True, False)
