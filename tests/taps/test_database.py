"""The database tap against a real PostgreSQL: each row once, whatever commits late, and nothing written."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.taps.config import DatabaseInterface
from collector.taps.database import DatabaseTap
from collector.taps.database_errors import DatabaseAway, WindowError
from collector.taps.database_reader import Reader
from collector.taps.database_rows import RowObserver
from collector.taps.hops import KeyEncoder, Sink
from collector.taps.run import Taps
from tests.taps.certificates import Authority
from tests.taps.postgres import PASSWORD, Postgres
from tests.taps.world import SEALER, SITE, Collector, Kept, eventually, interfaces, token
from tracing import attributes

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
USED = {
    "name": "or-supply",
    "kind": "database",
    "source": "surgery",
    "destination": "inventory",
    "table": "surgery.implant_use",
    "watermark": "changed_at",
    "tie_breaker": "id",
    "overlap": 300,
    "begin": "beginning",
    "message": "implant-used",
    "keys": [{"kind": "case", "column": "case_no"}, {"kind": "visit", "column": "visit", "authority": "EHR"}],
    "measures": {"quantity": "quantity", "amount": "price"},
    "attributes": {"department": "department"},
    "outcome": {"column": "status", "values": {"POSTED": "accepted", "REFUSED": "rejected"}},
    "reason": "reason",
    "facility_column": "facility",
    "password_env": "TEST_DATABASE_PASSWORD",
}
TABLE = """CREATE TABLE surgery.implant_use (
    id bigint PRIMARY KEY, changed_at timestamptz NOT NULL, case_no text, visit numeric(12), patient text,
    quantity integer, price numeric(10,2), department text, status text, reason text, facility text)"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    made = Postgres()
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def postgres(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    monkeypatch.setenv("TEST_DATABASE_PASSWORD", PASSWORD)
    server.execute("DROP SCHEMA IF EXISTS surgery CASCADE")
    server.execute("CREATE SCHEMA surgery")
    server.execute(TABLE)
    return server


def put(postgres: Postgres, *rows: tuple[int, float], case: str = "C", **columns: Any) -> None:
    """Rows by id and seconds after NOON."""
    for number, seconds in rows:
        insert(postgres.execute, number, seconds, case, **columns)


def insert(
    execute: Callable[..., object], number: int, seconds: float, case: str = "C", **columns: Any
) -> None:
    given = {
        "id": number,
        "changed_at": NOON + timedelta(seconds=seconds),
        "case_no": f"{case}{number}",
        "visit": 4711,
        "patient": "JANE DOE",
        "quantity": 2,
        "price": 1290.5,
        "department": "ORTHO",
        "status": "POSTED",
    } | columns
    names = ", ".join(given)
    marks = ", ".join(["%s"] * len(given))
    execute(f"INSERT INTO surgery.implant_use ({names}) VALUES ({marks})", list(given.values()))


def described(postgres: Postgres, **changes: Any) -> DatabaseInterface:
    (interface,) = interfaces(USED | {"url": postgres.url} | changes)
    assert isinstance(interface, DatabaseInterface)
    return interface


@pytest.fixture
def make(postgres: Postgres, tmp_path: Path, sink: Kept) -> Iterator[Callable[..., DatabaseTap]]:
    """Taps that are looked with by hand; the same state file for all of a test."""
    readers: list[Reader] = []

    def made(into: Sink = sink, **changes: Any) -> DatabaseTap:
        interface = described(postgres, **changes)
        readers.append(Reader(interface))
        observer = RowObserver(interface, KeyEncoder(SEALER), into)
        return DatabaseTap(interface, readers[-1], observer, tmp_path / "state" / "or-supply.json")

    yield made
    for reader in readers:
        reader.close()


def test_a_row_becomes_a_span_with_keys_measures_codes_and_outcome(
    postgres: Postgres, make: Callable[..., DatabaseTap], sink: Kept
) -> None:
    put(postgres, (1, 0.5), facility="NSH-SOUTH")
    put(postgres, (2, 1), status="REFUSED", reason="lot_expired", case_no=None)
    put(postgres, (3, 2), status="NEW", department="no code: free text", price=None)
    tap = make()
    assert tap.look() == 3
    first, second, third = sink.spans
    assert first.name == "receive or-supply"
    assert first.tokens == {"visit": token("visit", "4711", "EHR"), "case": token("case", "C1")}
    assert first.trace == token("visit", "4711", "EHR")
    assert (first["integration.message"], first["integration.outcome"]) == ("implant-used", "accepted")
    assert first["integration.measure.quantity"] == 2
    assert first["integration.measure.amount"] == 1290.5
    assert first["integration.attribute.department"] == "ORTHO"
    assert first.scope["integration.facility"] == "NSH-SOUTH"
    assert first.scope["messaging.system"] == "database"
    assert first.start == first.end == int(NOON.timestamp() * 1e9) + 500_000_000
    assert (second["integration.outcome"], second["integration.reason"]) == ("rejected", "lot_expired")
    assert second.error
    assert third["integration.outcome"] == "none"
    assert third["integration.attribute.department"] is None
    assert third["integration.measure.amount"] is None
    for secret in (b"JANE", b"4711", b"C1", b"free text"):
        assert secret not in sink.bytes
    for seen in sink.spans:
        assert all(attributes.find(name) for name in [*seen.attributes, *seen.scope])


def test_each_row_is_taken_once_and_one_that_commits_late_is_not_missed(
    postgres: Postgres, make: Callable[..., DatabaseTap], sink: Kept
) -> None:
    late = postgres.connect()
    insert(late.cursor().execute, 1, 0)  # written first, committed last
    put(postgres, (2, 10), (3, 250))
    tap = make()
    assert [tap.look(), tap.look()] == [2, 0]
    late.commit()
    late.close()
    assert [tap.look(), tap.look()] == [1, 0]
    assert sink.spans[-1].tokens["case"] == token("case", "C1")
    assert tap.counters()["known"] == 2 + 2 + 3
    put(postgres, (4, 260 + 300))  # the overlap moves on, and what is behind it is not read again
    assert [tap.look(), tap.look()] == [1, 0]
    assert tap.counters()["remembered"] == 1
    put(postgres, (5, 200))
    assert tap.look() == 0  # later than the overlap: this is what `overlap` is to be chosen for


def test_rows_that_share_a_moment_are_told_apart_across_pages(
    postgres: Postgres, make: Callable[..., DatabaseTap], sink: Kept
) -> None:
    put(postgres, *((number, 0) for number in range(1, 8)))
    tap = make(page_rows=3)
    assert tap.look() == 7
    assert len({span.tokens["case"] for span in sink.spans}) == 7
    assert tap.counters()["pages"] == 3


def test_a_row_that_changes_is_another_hop(
    postgres: Postgres, make: Callable[..., DatabaseTap], sink: Kept
) -> None:
    put(postgres, (1, 0), status="NEW")
    tap = make()
    tap.look()
    postgres.execute("UPDATE surgery.implant_use SET status = 'POSTED', changed_at = changed_at + '1 s'")
    assert [tap.look(), tap.look()] == [1, 0]
    # Again, without a new watermark: seen, because it lies in the overlap.
    postgres.execute("UPDATE surgery.implant_use SET status = 'REFUSED'")
    assert [tap.look(), tap.look()] == [1, 0]
    assert [span["integration.outcome"] for span in sink.spans] == ["none", "accepted", "rejected"]
    # A column that is not read changes: nothing happened that this interface is about.
    postgres.execute("UPDATE surgery.implant_use SET patient = 'DOE, JANE'")
    assert tap.look() == 0


def test_a_restart_takes_nothing_twice_and_what_came_meanwhile(
    postgres: Postgres, make: Callable[..., DatabaseTap], sink: Kept
) -> None:
    put(postgres, (1, 0), (2, 0))
    make().look()
    put(postgres, (3, 1), (4, -100))
    again = make()
    assert [again.look(), again.look()] == [2, 0]
    assert make(table=None, query="SELECT * FROM surgery.implant_use").look() == 4  # another road: anew


def test_a_lost_state_gives_the_same_spans_again(
    postgres: Postgres, make: Callable[..., DatabaseTap], sink: Kept, tmp_path: Path
) -> None:
    put(postgres, (1, 0), (2, 0))
    make().look()
    state = tmp_path / "state" / "or-supply.json"
    kept = json.loads(state.read_text())
    assert len(kept.pop("seen")) > 20  # digests in base64, where any two letters may stand
    assert "C1" not in json.dumps(kept)
    assert state.stat().st_mode & 0o777 == 0o600
    state.write_bytes(state.read_bytes()[:30])
    make().look()
    assert [s.span for s in sink.spans[:2]] == [s.span for s in sink.spans[2:]]


def test_it_begins_where_it_is_told_to(
    postgres: Postgres, make: Callable[..., DatabaseTap], sink: Kept, tmp_path: Path
) -> None:
    put(postgres, (1, -3600), (2, -100), (3, 0))
    state = tmp_path / "state" / "or-supply.json"
    assert make(begin="now").look() == 2  # an overlap before the newest row
    state.unlink()
    tap = make(begin=NOON - timedelta(seconds=100))
    assert [tap.look(), tap.look()] == [2, 0]
    state.unlink()
    with pytest.raises(WindowError, match="begin"):
        make(begin=17).look()
    postgres.execute("DELETE FROM surgery.implant_use")
    tap = make(begin="now")
    assert tap.look() == 0
    put(postgres, (9, 5))
    assert tap.look() == 1


def test_a_sequence_is_a_watermark_too_and_local_times_have_a_zone(
    postgres: Postgres, make: Callable[..., DatabaseTap], sink: Kept
) -> None:
    postgres.execute(
        "ALTER TABLE surgery.implant_use ADD COLUMN used_at timestamp DEFAULT '2026-07-01 08:00'"
    )
    put(postgres, (100, 0), (102, 0))
    tap = make(watermark="id", tie_breaker=None, overlap=10, time="used_at", timezone="America/Chicago")
    assert tap.look() == 2
    put(postgres, (101, 0), (89, 0))
    assert [tap.look(), tap.look()] == [1, 0]
    assert sink.spans[0].start == int(datetime(2026, 7, 1, 13, tzinfo=UTC).timestamp()) * 10**9


def test_a_row_of_the_future_hides_nothing(
    postgres: Postgres, make: Callable[..., DatabaseTap], sink: Kept
) -> None:
    put(postgres, (1, 0))
    put(postgres, (2, 0), changed_at=datetime(9999, 12, 31, tzinfo=UTC))
    tap = make()
    assert tap.look() == 2
    put(postgres, (3, 0), changed_at=datetime.now(UTC))
    assert [tap.look(), tap.look()] == [1, 0]
    assert sink.spans[1].start > int(NOON.timestamp() * 1e9)  # seen now: that year is no time


def test_nothing_can_be_written_through_it(postgres: Postgres, make: Callable[..., DatabaseTap]) -> None:
    put(postgres, (1, 0))
    postgres.execute("CREATE SEQUENCE surgery.numbers")
    postgres.execute(
        "CREATE FUNCTION surgery.sly() RETURNS bigint LANGUAGE sql AS "
        "'DELETE FROM surgery.implant_use RETURNING id'"
    )
    for attempt in ("nextval('surgery.numbers')", "surgery.sly()"):
        query = f"SELECT *, {attempt} AS sly FROM surgery.implant_use"
        tap = make(table=None, query=query, measures={"sly": "sly"})
        with pytest.raises(DatabaseAway, match="the database refused a write"):
            tap.look()
    assert postgres.execute("SELECT count(*) FROM surgery.implant_use") == [[1]]
    with pytest.raises(DatabaseAway):
        make(
            table=None, query="WITH x AS (DELETE FROM surgery.implant_use RETURNING *) SELECT * FROM x"
        ).look()
    assert postgres.execute("SELECT count(*) FROM surgery.implant_use") == [[1]]


def test_a_statement_that_takes_too_long_is_ended_by_the_database(
    postgres: Postgres, make: Callable[..., DatabaseTap]
) -> None:
    put(postgres, (1, 0))
    slow = "SELECT u.*, pg_sleep(30) AS slow FROM surgery.implant_use u"
    tap = make(table=None, query=slow, attributes={"slow": "slow"}, statement_timeout_seconds=0.1)
    with pytest.raises(DatabaseAway, match="longer than statement_timeout_seconds"):
        tap.look()
    lock = postgres.connect()
    lock.cursor().execute("LOCK TABLE surgery.implant_use IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(DatabaseAway, match=r"55P03|57014"):
        make(statement_timeout_seconds=0.1).look()
    lock.rollback()
    lock.close()


def test_troubles_are_named_without_a_value(postgres: Postgres, make: Callable[..., DatabaseTap]) -> None:
    put(postgres, (1, 0))
    with pytest.raises(DatabaseAway, match="there is no such column"):
        make(reason="nope").look()
    with pytest.raises(DatabaseAway, match="there is no such table"):
        make(table="surgery.nope").look()
    with pytest.raises(DatabaseAway, match="no variable MISSING"):
        make(password_env="MISSING").look()
    with pytest.raises(WindowError, match="'case_no' is neither a number nor a time"):
        make(watermark="case_no").look()
    with pytest.raises(WindowError, match="needs a tie_breaker"):
        make(tie_breaker=None).look()


def test_a_wrong_password_is_named_and_a_file_may_hold_the_right_one(
    postgres: Postgres, make: Callable[..., DatabaseTap], tmp_path: Path
) -> None:
    put(postgres, (1, 0))
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    tap = make(password_env=None, password_file=str(secret))
    with pytest.raises(DatabaseAway, match="wrong user or password"):
        tap.look()
    secret.write_text(PASSWORD + "\n")
    assert tap.look() == 1


def test_the_connection_may_be_encrypted_and_the_server_verified(
    postgres: Postgres, make: Callable[..., DatabaseTap], tmp_path: Path
) -> None:
    put(postgres, (1, 0))
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    postgres.use_certificate(authority.sign("db.example"))
    end = time.monotonic() + 10
    while postgres.execute("SHOW ssl") != [["on"]]:
        assert time.monotonic() < end
        time.sleep(0.05)
    tap = make(tls={"ca": authority.ca})
    assert tap.look() == 1
    encrypted = (
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'caretrail'"
    )
    assert postgres.execute(encrypted) == [[True]]
    with pytest.raises(DatabaseAway):
        make(tls={"ca": stranger.ca}).look()


def test_what_the_spool_does_not_take_is_read_again(
    postgres: Postgres, make: Callable[..., DatabaseTap], sink: Kept
) -> None:
    class Full:
        full = True

        def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
            return not self.full and sink.append(scope, encoded, count)

    into = Full()
    put(postgres, (1, 0), (2, 1))
    tap = make(into)
    assert tap.look() == 0
    into.full = False
    assert [tap.look(), tap.look()] == [2, 0]


def test_a_large_table_is_read_in_pages_with_bounded_memory(
    postgres: Postgres, make: Callable[..., DatabaseTap]
) -> None:
    class Counting:
        spans = 0

        def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
            self.spans += count
            assert count <= 500
            return True

    rows = 5_000
    postgres.execute(
        "INSERT INTO surgery.implant_use (id, changed_at, case_no) SELECT n, '2026-03-01', 'C' || n "
        f"FROM generate_series(1, {rows}) n"
    )
    into = Counting()
    tap = make(into, page_rows=500, remember_rows=200)
    assert [tap.look(), tap.look()] == [rows, 0]
    assert into.spans == rows
    assert tap.counters()["remembered"] == 200
    assert tap.counters()["shortened"] == 2
    assert tap.counters()["known"] == 200
    put(postgres, (rows + 1, 43200 - 12 * 3600))
    assert tap.look() == 1


def test_live_with_one_connection_through_a_restart_of_the_database(
    postgres: Postgres, tmp_path: Path, collector: Collector
) -> None:
    interface = described(postgres, poll_seconds=0.05)
    watching = threading.Event()
    most: list[int] = []

    def watch() -> None:
        connection = postgres.connect()
        connection.autocommit = True
        cursor = connection.cursor()
        while not (watching.is_set() and len(most) > 5):
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'caretrail'")
            most.append(cursor.fetchone()[0])
            time.sleep(0.01)
        connection.close()

    async def story() -> None:
        taps = Taps([interface], SITE, collector.url, tmp_path / "spool")
        await taps.start()
        try:
            watcher = threading.Thread(target=watch)
            watcher.start()
            await asyncio.to_thread(put, postgres, (1, 0), (2, 1))
            await eventually(lambda: len(collector.spans) == 2)
            watching.set()
            await asyncio.to_thread(watcher.join)
            await asyncio.to_thread(postgres.stop)
            await eventually(lambda: taps.counters()["or-supply"]["failures"] >= 1)
            await asyncio.to_thread(postgres.start)
            await asyncio.to_thread(put, postgres, (3, 2))
            await eventually(lambda: len(collector.spans) == 3)
            counted = taps.counters()["or-supply"]
            assert (counted["rows"], counted["unseen"]) == (3, 0)
        finally:
            watching.set()
            await taps.stop(1.0)

    asyncio.run(story())
    assert max(most) == 1
