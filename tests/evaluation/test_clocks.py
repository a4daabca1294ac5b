"""A tap's clock that is wrong is noticed, told, and taken off; nothing else looks like one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from collector.receiver import create_app, serve_http
from collector.taps import status
from collector.taps.clock import HEADER, Clock, Reading
from collector.wal import Wal
from tracing import clocks
from tracing.clocks import Clocks
from tracing.spans import export_request, scope_spans
from tracing.store import Store

#: Yesterday: words of taps are kept for a month only.
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNTERS = {
    "spool": {"waiting_bytes": 0},
    "sender": {"refused": 0, "rejected": 0},
    "ehr-adt": {"messages": 3},
}


def tells(store: Store, at: datetime, clock: Reading | None, tap: str = "tap-1:7") -> None:
    """What a tap whose clock shows `at` sends to the collector, through the collector's own road."""
    from collector.taps.origin import resource

    now_ns = (at - _EPOCH) // timedelta(microseconds=1) * 1000
    encoded = status.status_spans(tap, {"ehr-adt": "mllp"}, _COUNTERS, now_ns, clock)
    body = export_request(resource("northside", tap), scope_spans(status.scope(), b"".join(encoded)))
    store.insert_otlp(body, f"{tap}{at}")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def correction(store: Store, at: datetime) -> int:
    """What facts take off a time that the interface's clock stamped."""
    sql = (
        "SELECT clock.ahead_ms FROM (SELECT 'ehr-adt' AS interface, {at:DateTime64(3, 'UTC')} AS at) AS seen "
        "ASOF LEFT JOIN clock_corrections AS clock "
        "ON seen.interface = clock.interface AND seen.at >= clock.since"
    )
    return int(store.query(sql, {"at": at}).rows[0][0])


def test_the_quickest_request_says_how_far_a_clock_is_ahead() -> None:
    clock = Clock()
    clock.add(105.000, 105.400, "100.300000 100.310000")  # slow on the way there
    clock.add(115.000, 115.014, "110.002000 110.012000")  # two milliseconds each way
    clock.add(125.000, 125.004, None)  # another collector says nothing
    clock.add(125.000, 125.004, "yesterday")
    assert clock.take() == Reading(ahead_ms=5000, within_ms=2, samples=2)
    assert clock.take() is None


def test_a_collectors_answer_tells_its_time(tmp_path: Path) -> None:
    wal = Wal(tmp_path / "wal")
    server = serve_http(create_app(wal), "127.0.0.1", 0)
    try:
        answer = requests.post(
            f"http://127.0.0.1:{server.port}/v1/traces",
            headers={"content-type": "application/x-protobuf"},
            data=b"",
            timeout=5,
        )
        received, replied = map(float, answer.headers[HEADER].split())
        assert received <= replied < datetime.now(UTC).timestamp() + 1
    finally:
        server.stop()
        wal.close()


def test_an_offset_is_stored_once_and_taken_off_from_then_on(store: Store) -> None:
    ahead = timedelta(seconds=4)
    loop = Clocks(store)
    tells(store, NOON + ahead, Reading(4000, 3, 9))
    assert loop.step(NOON + minutes(0.1)) == 1
    tells(store, NOON + minutes(1) + ahead, Reading(4040, 3, 9))
    assert loop.step(NOON + minutes(1.1)) == 0
    (row,) = clocks.offsets(store, NOON + minutes(2))
    assert (row.offset_ms, row.samples, row.is_corrected, row.words) == (4000, 9, True, "4.0 s ahead")
    # From its own time on, and never before: what was judged stays judged, and history is not moved.
    assert row.since == NOON + minutes(0.1) + ahead
    assert correction(store, row.since) == 4000
    assert correction(store, row.since - timedelta(milliseconds=1)) == 0


def test_a_clock_that_is_put_right_is_left_alone_again(store: Store) -> None:
    loop = Clocks(store)
    tells(store, NOON, Reading(-3000, 2, 5))
    loop.step(NOON + timedelta(seconds=5))
    for minute in range(1, 6):
        tells(store, NOON + minutes(minute), Reading(20, 2, 5))
        loop.step(NOON + minutes(minute) + timedelta(seconds=5))
    (row,) = clocks.offsets(store, NOON + minutes(10))
    assert (row.offset_ms, row.is_corrected) == (20, False)
    assert correction(store, NOON + minutes(1)) == -3000
    assert correction(store, NOON + minutes(10)) == 0


@pytest.mark.parametrize("reading", [None, Reading(120, 4, 3)])
def test_history_that_comes_late_and_small_offsets_take_nothing_off(
    store: Store, reading: Reading | None
) -> None:
    tells(store, NOON, reading)
    Clocks(store).step(NOON + timedelta(seconds=5))
    store.insert(
        "spans_in", ("trace_id", "span_id", "start", "interface"), [("a" * 32, "b" * 16, NOON, "ehr-adt")]
    )
    assert correction(store, NOON + minutes(60)) == 0


def test_one_odd_minute_does_not_count(store: Store) -> None:
    loop = Clocks(store)
    for minute, ahead in enumerate((10, 12, 9000, 11)):
        tells(store, NOON + minutes(minute), Reading(ahead, 5, 4))
        loop.step(NOON + minutes(minute) + timedelta(seconds=5))
    assert [row.offset_ms for row in clocks.offsets(store, NOON + minutes(9))] == [10]


def test_the_doctor_names_the_interfaces_whose_clocks_are_wrong() -> None:
    from caretrail import report

    row = clocks.ClockRow("ehr-adt", NOON, -61_000, 2, 5, "tap-1:7")
    found = report.checks(None, None, [], "fine", [], NOON, [row])
    (check,) = [one for one in found if one.name == "clocks"]
    assert check.state == "warning"
    assert "ehr-adt 61.0 s behind" in check.detail
    good = report.checks(None, None, [], "fine", [], NOON, [row._replace(offset_ms=100)])
    assert {one.name: one.state for one in good}["clocks"] == "ok"
