"""What every reader and writer of the store relies on, on either backend."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from tracing.store import Store, StoreRefused

pytestmark = pytest.mark.parametrize("store", ["embedded", "server"], indirect=True)

JOURNEY = ["token", "kind", "journey", "certainty", "version"]


def test_a_row_inserted_is_read_back_with_names_and_aware_times(store: Store) -> None:
    store.insert("journeys", JOURNEY, [("t1", "visit", "j1", "certain", 1)])
    answer = store.query("SELECT token, journey, ingested_at FROM journeys")
    assert answer.names == ("token", "journey", "ingested_at")
    [(token, journey, ingested_at)] = answer.rows
    assert (token, journey) == ("t1", "j1")
    assert ingested_at.tzinfo is not None


def test_parameters_are_bound_by_the_engine(store: Store) -> None:
    nasty = "'); DROP TABLE journeys; -- \\ \t é"
    at = datetime(2026, 3, 29, 1, 30, 0, 123000, tzinfo=UTC)
    [row] = store.query(
        "SELECT {text:String}, {at:DateTime64(3, 'UTC')}, {many:Array(String)}",
        {"text": nasty, "at": at, "many": ["a'b", "c"]},
    ).rows
    assert row == (nasty, at, ["a'b", "c"])


def test_lists_of_texts_arrive_as_they_are(store: Store) -> None:
    for many in ([], [""], ["", "a1"], ["00ff", "é9"], ["a b"], ["\\"], ["'"], ["\t", "x"]):
        assert store.query("SELECT {many:Array(String)}", {"many": many}).rows == [(many,)]


def test_the_same_token_stores_nothing_twice_in_table_and_view(store: Store) -> None:
    for _ in range(2):
        store.insert("journeys", JOURNEY, [("t1", "visit", "j1", "certain", 1)], token="once")
    assert store.query("SELECT count() FROM journeys").rows == [(1,)]
    assert store.query("SELECT count() FROM journey_members").rows == [(1,)]


def test_a_mistake_in_sql_is_refused_and_names_the_mistake(store: Store) -> None:
    with pytest.raises(StoreRefused, match="nowhere"):
        store.query("SELECT 1 FROM nowhere")
    with pytest.raises(StoreRefused, match="no column 'colour'"):
        store.insert("journeys", ["colour"], [("red",)])
    with pytest.raises(StoreRefused):
        store.insert("journeys", ["token"], [(3,)])


def test_each_thread_works_on_a_handle_of_its_own(store: Store) -> None:
    def write(number: int) -> None:
        with store.handle() as own:
            own.insert("journeys", JOURNEY, [(f"t{number}", "visit", "j", "certain", 1)])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.query("SELECT uniqExact(token) FROM journeys").rows == [(4,)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit (who) SELECT 'x'",
        "CREATE TABLE more (a Int8) ENGINE = Memory",
        "TRUNCATE TABLE spans",
        "SELECT 1 SETTINGS readonly = 0",
        "SET readonly = 0",
    ],
)
def test_a_reader_can_do_nothing_but_read(store: Store, statement: str) -> None:
    with store.reader() as reader:
        assert reader.query("SELECT count() FROM audit").rows == [(0,)]
        assert reader.query("SELECT {a:UInt8} + 1", {"a": 2}).rows == [(3,)]
        with pytest.raises(StoreRefused):
            reader.query(statement)
    store.command("INSERT INTO audit (who) SELECT 'someone'")  # other handles are not bound by it
    assert store.query("SELECT who FROM audit").rows == [("someone",)]
