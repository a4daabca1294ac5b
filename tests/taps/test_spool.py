"""The spool: nothing written is lost by a restart or a torn tail, nothing confirmed is sent again."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.taps.spool import HEADER, Spool, SpoolError
from collector.taps.spool_reader import SpoolReader
from tests.taps.world import decode
from tracing import spans

RESOURCE = spans.resource({"service.name": "caretrail-tap"})
SCOPES = [spans.scope("caretrail.tap", "1", {"integration.interface": name}) for name in ("one", "two")]


def one(number: int) -> bytes:
    """A span named by its number."""
    return spans.span(bytes([1] * 16), bytes([2] * 8), str(number).encode(), 4, 1, 2, b"")


def drain(reader: SpoolReader, size: int = 1 << 20) -> list[int]:
    """Read and confirm everything."""
    found: list[int] = []
    while (batch := reader.read(size)) is not None:
        decoded = decode(batch.body)
        assert len(decoded) == batch.spans
        found += [int(seen.name) for seen in decoded]
        reader.confirm(batch.end)
    return found


def test_what_is_appended_is_read_with_its_resource_and_scope(tmp_path: Path) -> None:
    spool = Spool(tmp_path, RESOURCE)
    reader = SpoolReader(spool)
    assert reader.read(1000) is None
    for number in range(10):
        assert spool.append(SCOPES[number % 2], one(number))
    batch = reader.read(1 << 20)
    assert batch is not None
    assert sorted((int(s.name), s.interface) for s in decode(batch.body)) == [
        (number, ("one", "two")[number % 2]) for number in range(10)
    ]
    again = reader.read(1 << 20)
    assert again is not None
    assert again.body == batch.body  # not confirmed
    reader.confirm(batch.end)
    assert reader.read(1000) is None
    assert not reader.waiting


def test_segments_are_freed_when_confirmed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, RESOURCE, segment_bytes=400)
    reader = SpoolReader(spool)
    for number in range(50):
        spool.append(SCOPES[0], one(number))
    assert len(list(tmp_path.glob("*.spool"))) > 5
    assert drain(reader, 100) == list(range(50))
    assert len(list(tmp_path.glob("*.spool"))) == 1
    assert spool.waiting_bytes == sum(path.stat().st_size for path in tmp_path.glob("*.spool"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.one_of(st.integers(1, 6), st.just("restart"), st.just("send"), st.just("read")), max_size=25),
    st.integers(300, 900),
    st.integers(1, 500),
)
def test_any_history_of_restarts_delivers_everything_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any], segment: int, batch_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder, RESOURCE, segment_bytes=segment)
    reader = SpoolReader(spool)
    written, delivered = 0, []
    for step in [*steps, "restart"]:
        if step == "restart":
            reader.close()
            spool.close()
            spool = Spool(folder, RESOURCE, segment_bytes=segment)
            reader = SpoolReader(spool)
        elif step == "send":
            batch = reader.read(batch_bytes)
            if batch is not None:
                delivered += [int(s.name) for s in decode(batch.body)]
                reader.confirm(batch.end)
        elif step == "read":
            reader.read(batch_bytes)
        else:
            for _ in range(step):
                spool.append(SCOPES[written % 2], one(written))
                written += 1
    delivered += drain(reader, batch_bytes)
    # Grouped by scope within a batch, so not in order; but nothing is missing and nothing there twice.
    assert sorted(delivered) == list(range(written))
    spool.close()


def test_a_tail_torn_at_any_byte_costs_that_record_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path, RESOURCE)
    for number in range(3):
        spool.append(SCOPES[0], one(number))
    spool.close()
    path = next(tmp_path.glob("*.spool"))
    whole = path.read_bytes()
    last = HEADER.size + len(one(2))
    for cut in range(1, last + 1):
        for damaged in (
            whole[:-cut],
            whole[:-cut] + bytes([whole[-cut] ^ 0x55]) + whole[len(whole) - cut + 1 :],
        ):
            path.write_bytes(damaged)
            (tmp_path / "cursor").unlink(missing_ok=True)
            for other in tmp_path.glob("*.spool"):
                if other != path:
                    other.unlink()
            spool = Spool(tmp_path, RESOURCE)
            reader = SpoolReader(spool)
            spool.append(SCOPES[1], one(7))
            assert drain(reader) == [0, 1, 7]
            reader.close()
            spool.close()
    assert not path.exists()


def test_a_torn_cursor_sends_again_rather_than_loses(tmp_path: Path) -> None:
    spool = Spool(tmp_path, RESOURCE)
    reader = SpoolReader(spool)
    spool.append(SCOPES[0], one(0))
    assert drain(reader) == [0]
    spool.append(SCOPES[0], one(1))
    spool.close()
    (tmp_path / "cursor").write_text("1")
    assert drain(SpoolReader(Spool(tmp_path, RESOURCE))) == [0, 1]


def test_beyond_the_cap_the_oldest_spans_are_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, RESOURCE, cap_bytes=1000, segment_bytes=300)
    reader = SpoolReader(spool)
    assert all(spool.append(SCOPES[0], one(number)) for number in range(50))
    lost = spool.counters.dropped_old
    assert 0 < lost < 50
    assert spool.counters.dropped_full == 0
    assert len(caplog.records) == 1  # not one line per message
    assert sum(path.stat().st_size for path in tmp_path.glob("*.spool")) == spool.waiting_bytes <= 1000
    assert drain(reader) == list(range(lost, 50))
    assert spool.append(SCOPES[0], one(99))
    assert drain(reader) == [99]


def test_what_has_arrived_is_not_counted_as_dropped(tmp_path: Path) -> None:
    spool = Spool(tmp_path, RESOURCE, cap_bytes=1000, segment_bytes=400)
    reader = SpoolReader(spool)
    for number in range(3):
        spool.append(SCOPES[0], one(number))
    assert drain(reader) == [0, 1, 2]
    for number in range(3, 50):
        spool.append(SCOPES[0], one(number))
    left = drain(reader)
    assert left == list(range(50 - len(left), 50))
    assert spool.counters.dropped_old == 47 - len(left)


def test_what_an_earlier_process_left_is_dropped_first(tmp_path: Path) -> None:
    earlier = Spool(tmp_path, RESOURCE, cap_bytes=1000, segment_bytes=300)
    for number in range(5):
        earlier.append(SCOPES[0], one(number))
    earlier.close()
    spool = Spool(tmp_path, RESOURCE, cap_bytes=1000, segment_bytes=300)
    for number in range(5, 50):
        spool.append(SCOPES[0], one(number))
    left = drain(SpoolReader(spool))
    assert left == list(range(50 - len(left), 50))
    assert spool.counters.dropped_old == 50 - len(left)


def test_what_waits_too_long_is_dropped(tmp_path: Path) -> None:
    spool = Spool(tmp_path, RESOURCE, segment_bytes=300, max_age_seconds=3600)
    reader = SpoolReader(spool)
    for number in range(10):
        spool.append(SCOPES[0], one(number))
    written = max(path.stat().st_mtime for path in tmp_path.glob("*.spool"))
    spool.expire(written + 3000)
    assert spool.counters.dropped_old == 0
    spool.expire(written + 4000)
    lost = spool.counters.dropped_old
    assert 0 < lost < 10  # the segment that is being written stays
    assert drain(reader) == list(range(lost, 10))


def test_a_batch_larger_than_the_whole_spool_is_dropped_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path, RESOURCE, cap_bytes=400, segment_bytes=4096)
    assert spool.append(SCOPES[0], one(1))
    assert not spool.append(SCOPES[0], bytes(1000), 7)
    assert spool.counters.dropped_full == 7


def test_a_full_disk_costs_spans_and_leaves_the_spool_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, RESOURCE)
    reader = SpoolReader(spool)
    spool.append(SCOPES[0], one(0))
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[: len(data) // 2]))
    assert not spool.append(SCOPES[0], one(1))

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert not spool.append(SCOPES[1], one(2), 1)
    assert spool.counters.dropped_error == 2
    monkeypatch.undo()
    assert spool.append(SCOPES[1], one(3))
    assert sorted(drain(reader)) == [0, 3]


def test_a_disk_that_is_full_at_the_first_record_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, RESOURCE)
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    assert not spool.append(SCOPES[0], one(0))
    monkeypatch.undo()
    assert spool.append(SCOPES[0], one(1))
    assert drain(SpoolReader(spool)) == [1]


def test_one_process_per_folder(tmp_path: Path) -> None:
    spool = Spool(tmp_path, RESOURCE)
    with pytest.raises(SpoolError, match="another tap process"):
        Spool(tmp_path, RESOURCE)
    spool.close()
    Spool(tmp_path, RESOURCE).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="file"):
        Spool(tmp_path / "file" / "spool", RESOURCE)


def test_a_record_larger_than_a_batch_is_read(tmp_path: Path) -> None:
    spool = Spool(tmp_path, RESOURCE)
    reader = SpoolReader(spool)
    spool.append(SCOPES[0], b"".join(one(number) for number in range(500)), 500)
    spool.append(SCOPES[0], one(500))
    assert drain(reader, 10) == list(range(501))
