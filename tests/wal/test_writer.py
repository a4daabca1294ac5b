"""The writer: every body ends in the store once, or in the set-aside folder with its error."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.wal import Wal, Writer
from collector.wal.segments import token
from tests.wal.conftest import MakeWal, RecordingStore


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.01)


def test_what_is_appended_reaches_the_store_within_a_second(
    make_wal: MakeWal, recording_store: RecordingStore
) -> None:
    wal = make_wal(segment_age=0.2)
    writer = Writer(wal, recording_store)
    writer.start()
    began = time.monotonic()
    wal.append(b"body").result(5)
    eventually(lambda: recording_store.content == b"body")
    assert time.monotonic() - began < 1.0
    assert writer.stop(drain=5)


def test_one_insert_a_segment_named_by_its_content(
    make_wal: MakeWal, recording_store: RecordingStore
) -> None:
    wal = make_wal(segment_age=0.2)
    for number in range(50):
        wal.append(b"<%d>" % number).result(5)
    writer = Writer(wal, recording_store)
    writer.start()
    assert writer.stop(drain=5)
    whole = b"".join(b"<%d>" % number for number in range(50))
    assert list(recording_store.inserted.values()) == [whole]


def test_a_store_that_is_away_costs_nothing(make_wal: MakeWal, recording_store: RecordingStore) -> None:
    recording_store.down = True
    wal = make_wal()
    writer = Writer(wal, recording_store)
    writer.start()
    for number in range(20):
        wal.append(b"<%d>" % number).result(5)
    eventually(lambda: recording_store.calls >= 3)
    assert writer.status().failing == "connection refused"
    assert wal.status().refused == ()
    recording_store.down = False
    assert writer.stop(drain=10)
    assert sorted(recording_store.content.split(b">")) == sorted(
        b"".join(b"<%d>" % number for number in range(20)).split(b">")
    )
    assert writer.status().failing is None


def test_stopping_while_the_store_is_away_loses_nothing(
    make_wal: MakeWal, recording_store: RecordingStore
) -> None:
    recording_store.down = True
    wal = make_wal()
    writer = Writer(wal, recording_store)
    writer.start()
    wal.append(b"body").result(5)
    eventually(lambda: recording_store.calls >= 1)
    assert not writer.stop()
    wal.close()
    recording_store.down = False
    again = make_wal()
    second = Writer(again, recording_store)
    second.start()
    assert second.stop(drain=5)
    assert recording_store.content == b"body"


def test_only_the_refused_body_is_set_aside(make_wal: MakeWal, recording_store: RecordingStore) -> None:
    recording_store.poison = {b"<13>", b"<77>"}
    wal = make_wal(segment_age=0.2)
    for number in range(100):
        wal.append(b"<%d>" % number).result(5)
    writer = Writer(wal, recording_store, threads=1)
    writer.start()
    wal.append(b"behind").result(5)
    assert writer.stop(drain=10)
    stored = recording_store.content
    for number in range(100):
        assert (b"<%d>" % number in stored) == (number not in (13, 77))
    assert b"behind" in stored
    refused = wal.status().refused
    assert [entry.error for entry in refused] == ["cannot parse the field"] * 2
    assert writer.status().refused_bodies == 2


def test_a_refused_body_goes_in_again_when_asked(make_wal: MakeWal, recording_store: RecordingStore) -> None:
    recording_store.poison = {b"bad"}
    wal = make_wal()
    writer = Writer(wal, recording_store)
    writer.start()
    wal.append(b"bad").result(5)
    eventually(lambda: len(wal.status().refused) == 1)
    recording_store.poison = set()
    assert wal.requeue_refused() == 1
    assert wal.status().refused == ()
    assert writer.stop(drain=5)
    assert recording_store.content == b"bad"


def test_an_error_nobody_foresaw_does_not_block_the_log(
    make_wal: MakeWal, recording_store: RecordingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = recording_store.insert_otlp

    def odd(body: bytes, token: str) -> None:
        if b"odd" in body:
            raise RuntimeError("not a store error")
        whole(body, token)

    monkeypatch.setattr(recording_store, "insert_otlp", odd)
    wal = make_wal(segment_bytes=1)
    writer = Writer(wal, recording_store, threads=1)
    writer.start()
    wal.append(b"odd").result(5)
    wal.append(b"fine").result(5)
    assert writer.stop(drain=10)
    assert recording_store.content == b"fine"
    assert [entry.error for entry in wal.status().refused] == ["RuntimeError: not a store error"]


def test_a_segment_that_became_unreadable_is_set_aside_whole(
    make_wal: MakeWal, recording_store: RecordingStore, tmp_path: Path
) -> None:
    wal = make_wal(segment_bytes=1, memory_bytes=0)
    wal.append(b"lost").result(5)
    wal.append(b"fine").result(5)
    first, _ = sorted((tmp_path / "wal").glob("*.wal"))
    first.write_bytes(b"\0" * first.stat().st_size)
    writer = Writer(wal, recording_store)
    writer.start()
    assert writer.stop(drain=5)
    assert recording_store.content == b"fine"
    (entry,) = wal.status().refused
    assert "holds no sound record" in entry.error


def test_a_crash_between_insert_and_removal_stores_nothing_twice(
    tmp_path: Path, recording_store: RecordingStore
) -> None:
    wal = Wal(tmp_path / "wal", segment_age=0, reserve_bytes=0)
    wal.append(b"body").result(5)
    segment = wal.take(1)
    assert segment is not None
    records = wal.read(segment)
    recording_store.insert_otlp(b"".join([record.body for record in records]), token(records))
    wal.close()  # without done(): as after a crash
    wal = Wal(tmp_path / "wal", segment_age=0, reserve_bytes=0)
    writer = Writer(wal, recording_store)
    writer.start()
    assert writer.stop(drain=5)
    assert recording_store.calls == 2
    assert recording_store.content == b"body"
    wal.close()
