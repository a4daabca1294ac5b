"""The log: what was acknowledged is on the disk, in order, whatever happens then."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from collector.wal import Wal, WalClosed, WalFull, WalLocked
from collector.wal.files import Files
from collector.wal.records import HEADER
from collector.wal.segments import token
from tests.wal.conftest import MakeWal


def drain(wal: Wal) -> list[bytes]:
    """Every pending body; the segments are removed."""
    found: list[bytes] = []
    while (segment := wal.take(0.03)) is not None:
        found += [bytes(record.body) for record in wal.read(segment)]
        wal.done(segment)
    return found


def test_an_acknowledged_body_is_read_back(make_wal: MakeWal) -> None:
    wal = make_wal()
    wal.append(b"one").result(5)
    wal.append(b"two").result(5)
    assert drain(wal) == [b"one", b"two"]
    assert wal.status().pending_bytes == 0
    assert wal.status().oldest_age_s is None


def test_concurrent_appends_share_a_sync(make_wal: MakeWal) -> None:
    class SlowSync(Files):
        def sync(self, descriptor: int) -> None:
            gate.wait(5)
            super().sync(descriptor)

    gate = threading.Event()
    wal = make_wal(files=SlowSync())
    futures = [wal.append(b"body %d" % number) for number in range(200)]
    assert not any(future.done() for future in futures)
    gate.set()
    for future in futures:
        future.result(5)
    # The first append may go alone; everything that came while it was syncing goes together.
    assert wal.status().syncs <= 3
    assert len(drain(wal)) == 200


def test_many_threads_append_and_nothing_is_lost_or_doubled(make_wal: MakeWal) -> None:
    wal = make_wal(segment_bytes=2000)
    expected = {b"%d-%d" % (thread, number) for thread in range(8) for number in range(50)}

    def work(thread: int) -> None:
        for number in range(50):
            wal.append(b"%d-%d" % (thread, number)).result(5)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = drain(wal)
    assert len(found) == 400
    assert set(found) == expected


def test_a_segment_is_sealed_at_its_size(make_wal: MakeWal) -> None:
    wal = make_wal(segment_bytes=1000, segment_age=60)
    for number in range(10):
        wal.append(bytes([number]) * 300).result(5)
    first = wal.take(0)
    assert first is not None
    assert first.size >= 1000
    assert first.records == 4


def test_a_waiting_writer_gets_a_small_segment_once_it_is_old_enough(make_wal: MakeWal) -> None:
    wal = make_wal(segment_age=0.05)
    wal.append(b"alone").result(5)
    assert wal.take(0) is None
    segment = wal.take(5)
    assert segment is not None
    assert segment.records == 1


def test_a_segment_given_back_is_taken_again_first(make_wal: MakeWal) -> None:
    wal = make_wal(segment_bytes=1)
    wal.append(b"one").result(5)
    wal.append(b"two").result(5)
    first = wal.take(1)
    assert first is not None
    wal.give_back(first)
    assert wal.take(1) == first


def test_after_a_restart_what_was_pending_is_there(make_wal: MakeWal) -> None:
    wal = make_wal()
    wal.append(b"before").result(5)
    wal.close()
    again = make_wal()
    again.append(b"after").result(5)
    assert drain(again) == [b"before", b"after"]


def test_close_makes_durable_what_was_queued(make_wal: MakeWal) -> None:
    wal = make_wal()
    futures = [wal.append(b"%d" % number) for number in range(100)]
    wal.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(WalClosed):
        wal.append(b"late")
    assert len(drain(make_wal())) == 100


def test_without_memory_for_them_bodies_are_read_from_the_file(make_wal: MakeWal) -> None:
    wal = make_wal(memory_bytes=40, segment_age=60, segment_bytes=100)
    bodies = [bytes([number]) * 20 for number in range(7)]
    for body in bodies:
        wal.append(body).result(5)
    first = wal.take(1)
    assert first is not None
    assert first.bodies is None
    assert [bytes(record.body) for record in wal.read(first)] == bodies[:4]
    wal.done(first)


def test_the_token_is_the_same_from_memory_and_after_a_restart(make_wal: MakeWal) -> None:
    wal = make_wal(segment_bytes=1000)
    for number in range(4):
        wal.append(b"%d" % number * 300).result(5)
    segment = wal.take(1)
    assert segment is not None
    assert segment.bodies is not None
    before = token(wal.read(segment))
    wal.close()
    wal = make_wal()
    segment = wal.take(1)
    assert segment is not None
    assert segment.bodies is None
    assert token(wal.read(segment)) == before


@pytest.mark.parametrize("way", ["cut", "flip"])
def test_crash_at_every_offset_of_the_last_record(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "wal"
    wal = Wal(folder, reserve_bytes=0)
    for body in (b"kept one", b"kept two", b"the last record"):
        wal.append(body).result(5)
    wal.close()
    (path,) = folder.glob("*.wal")
    whole = path.read_bytes()
    last = len(whole) - HEADER.size - len(b"the last record")
    for at in range(last, len(whole)):
        damaged = bytearray(whole)
        if way == "cut":
            del damaged[at:]
        else:
            damaged[at] ^= 0xA5
        path.write_bytes(damaged)
        wal = Wal(folder, segment_age=0, reserve_bytes=0)
        # New records go behind it, and nothing of the torn one comes back.
        wal.append(b"new").result(5)
        assert drain(wal) == [b"kept one", b"kept two", b"new"], at
        assert wal.status().refused == ()
        wal.close()
        assert list(folder.glob("*.wal")) == []


def test_a_torn_first_record_leaves_no_segment(tmp_path: Path) -> None:
    folder = tmp_path / "wal"
    folder.mkdir()
    (folder / "0000000000000001.wal").write_bytes(b"\xc7TR")
    wal = Wal(folder, segment_age=0, reserve_bytes=0)
    assert wal.status().pending_segments == 0
    wal.append(b"new").result(5)
    assert drain(wal) == [b"new"]
    wal.close()


def test_disk_damage_before_sound_records_is_set_aside_and_shown(tmp_path: Path) -> None:
    folder = tmp_path / "wal"
    wal = Wal(folder, reserve_bytes=0)
    for body in (b"first", b"second", b"third"):
        wal.append(body).result(5)
    wal.close()
    (path,) = folder.glob("*.wal")
    data = bytearray(path.read_bytes())
    data[2 * HEADER.size + len(b"first")] ^= 1
    path.write_bytes(data)
    wal = Wal(folder, reserve_bytes=0)
    (entry,) = wal.status().refused
    assert "do not match their checksum" in entry.error
    assert not entry.requeueable
    assert drain(wal) == [b"first", b"third"]
    wal.close()


def test_at_the_limit_appends_fail_and_go_on_after_draining(make_wal: MakeWal) -> None:
    wal = make_wal(limit_bytes=1000)
    wal.append(b"x" * 900).result(5)
    with pytest.raises(WalFull, match="1000 bytes are waiting"):
        wal.append(b"y" * 200)
    assert wal.closed_for() is None  # a smaller body would still fit
    assert drain(wal) == [b"x" * 900]
    wal.append(b"y" * 200).result(5)


def test_the_same_body_sent_again_is_written_once(make_wal: MakeWal) -> None:
    wal = make_wal()
    wal.append(b"body").result(5)
    wal.append(b"body").result(5)
    assert drain(wal) == [b"body"]
    assert wal.status().repeated == 1


def test_the_window_of_repeats_has_an_end(make_wal: MakeWal) -> None:
    wal = make_wal(repeat_window=2)
    for body in (b"a", b"b", b"c", b"a"):
        wal.append(body).result(5)
    assert drain(wal) == [b"a", b"b", b"c", b"a"]


def test_a_caller_that_goes_away_cancels_nothing(make_wal: MakeWal) -> None:
    wal = make_wal()
    future: Future[None] = wal.append(b"body")
    assert not future.cancel()
    future.result(5)
    assert drain(wal) == [b"body"]


def test_one_process_per_folder(make_wal: MakeWal, tmp_path: Path) -> None:
    make_wal()
    with pytest.raises(WalLocked, match="another process"):
        Wal(tmp_path / "wal")


def test_status_tells_how_old_the_oldest_is(make_wal: MakeWal) -> None:
    now = [1000.0]
    wal = make_wal(clock=lambda: now[0], segment_age=60)
    wal.append(b"body").result(5)
    now[0] += 30
    status = wal.status()
    assert status.oldest_age_s == 30
    assert status.pending_segments == 1
    assert status.pending_bytes == HEADER.size + 4
