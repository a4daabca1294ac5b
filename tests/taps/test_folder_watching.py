"""When a file is complete, what of it is new, and how the folder is watched."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from collector.taps import folder as folder_module
from collector.taps.config import FolderInterface
from collector.taps.file_observers import file_observer
from collector.taps.files_state import Stamp, TakenFiles
from collector.taps.files_watch import Watch, WatchError
from collector.taps.folder import FolderTap
from collector.taps.hops import KeyEncoder
from tests.taps.world import SEALER, Kept, adt, eventually, interfaces

ROWS = b"Visit,Amount\nV1,1\nV2,2\n"


def tap_of(folder: Path, sink: Kept, **told: Any) -> FolderTap:
    described: dict[str, Any] = {
        "name": "rows",
        "kind": "folder",
        "path": str(folder),
        "format": "delimited",
        "settle_seconds": 0,
        "keys": [{"kind": "visit", "column": "Visit"}],
    }
    (interface,) = interfaces(described | told)
    assert isinstance(interface, FolderInterface)
    observer = file_observer(interface, KeyEncoder(SEALER), sink)
    return FolderTap(interface, observer, folder.parent / "state" / "rows.sqlite3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def test_a_renamed_file_is_complete_at_once_and_a_half_written_one_is_none(folder: Path, sink: Kept) -> None:
    tap = tap_of(folder, sink, complete="renamed", settle_seconds=60)
    (folder / "a.csv.part").write_bytes(ROWS)
    assert tap.poll(0.0) == 0
    (folder / "a.csv.part").rename(folder / "a.csv")
    assert tap.poll(0.1) == 1


@pytest.mark.parametrize("marker", ["a.csv.done", "a.done"])
def test_a_marker_says_when_a_file_is_complete(folder: Path, sink: Kept, marker: str) -> None:
    tap = tap_of(folder, sink, complete="marker", marker="*.done")
    (folder / "a.csv").write_bytes(ROWS[:13])
    (folder / "b.csv").write_bytes(ROWS)
    assert tap.poll(0.0) == 0
    (folder / "a.csv").write_bytes(ROWS)
    (folder / marker).touch()
    assert tap.poll(0.1) == 1
    assert len(sink.spans) == 2
    assert tap.poll(0.2) == 0


def test_what_was_appended_is_read_and_what_was_read_stays_read(folder: Path, sink: Kept) -> None:
    tap = tap_of(folder, sink)
    log = folder / "log.csv"
    log.write_bytes(ROWS)
    tap.poll(0.0)
    with log.open("ab") as file:
        file.write(b"V3,3\n")
    tap.poll(1.0)
    assert [len(span.tokens) for span in sink.spans] == [1, 1, 1]
    log.rename(folder / "log.csv.1")
    log.write_bytes(b"Visit,Amount\nV4,4\n")
    tap.poll(2.0)
    assert len(sink.spans) == 4


def test_lines_appended_just_before_a_rotation_are_not_lost(folder: Path, sink: Kept) -> None:
    tap = tap_of(folder, sink)
    log = folder / "log.csv"
    log.write_bytes(ROWS)
    tap.poll(0.0)
    with log.open("ab") as file:
        file.write(b"V3,3\n")
    log.rename(folder / "log.csv.1")
    tap.poll(1.0)
    assert len(sink.spans) == 3


@pytest.mark.parametrize(("rotated", "spans"), [(True, 4), (False, 7)])
def test_a_copy_is_a_rotated_file_only_where_files_are_rotated(
    folder: Path, sink: Kept, rotated: bool, spans: int
) -> None:
    tap = tap_of(folder, sink, rotated=rotated)
    log = folder / "log.csv"
    log.write_bytes(ROWS)
    tap.poll(0.0)
    (folder / "log.csv.1").write_bytes(ROWS + b"V3,3\n")  # copied, then truncated
    log.write_bytes(b"Visit,Amount\nV4,4\n")
    tap.poll(1.0)
    assert len(sink.spans) == spans - (0 if rotated else 1)


def test_folders_inside_are_watched_where_asked_for(folder: Path, sink: Kept) -> None:
    (folder / "2026" / "03").mkdir(parents=True)
    (folder / "2026" / "03" / "a.csv").write_bytes(ROWS)
    assert tap_of(folder, sink).poll(0.0) == 0
    assert tap_of(folder, sink, subfolders=True).poll(0.0) == 1


def test_existing_files_can_be_left_alone(folder: Path, sink: Kept) -> None:
    (folder / "old.csv").write_bytes(ROWS)
    tap = tap_of(folder, sink, existing="skip")
    assert tap.poll(0.0) == 0
    (folder / "new.csv").write_bytes(ROWS)
    assert tap.poll(1.0) == 1
    (folder / "newer.csv").write_bytes(ROWS)
    assert tap_of(folder, sink, existing="skip").poll(0.0) == 1


def test_packed_files_are_read_and_bombs_are_not(folder: Path, sink: Kept) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", ROWS)
        archive.writestr("b.csv.gz", gzip.compress(ROWS) + gzip.compress(b"V3,3\n"))
    (folder / "day.zip").write_bytes(packed.getvalue())
    tap = tap_of(folder, sink, max_file_bytes=4096)
    tap.poll(0.0)
    assert len(sink.spans) == 5
    (folder / "bomb.gz").write_bytes(gzip.compress(b"V,1\n" * 100_000))
    (folder / "torn.gz").write_bytes(gzip.compress(ROWS)[:20])
    (folder / "torn.zip").write_bytes(packed.getvalue()[:60])
    tap.poll(1.0)
    assert [span["integration.unread"] for span in sink.spans[5:]] == ["packed"] * 3
    assert tap.counters()["unseen"] == 3


def test_a_large_file_is_counted_and_not_read(folder: Path, sink: Kept) -> None:
    (folder / "large.csv").write_bytes(ROWS * 100)
    tap = tap_of(folder, sink, max_file_bytes=1024)
    tap.poll(0.0)
    assert sink.spans[0]["integration.unread"] == "too_large"
    assert tap.counters()["unseen"] == 1


def test_a_bad_row_is_located_in_log_and_span_without_its_content(
    folder: Path, sink: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "JANE_DOE.csv").write_bytes(ROWS + b'"JANE DOE,3\nV4\nV5,5\n')
    tap = tap_of(folder, sink, measures={"amount": "Amount"})
    tap.poll(0.0)
    assert len([span for span in sink.spans if span.tokens]) == 3
    (unread,) = [span for span in sink.spans if span["integration.unread"]]
    assert (unread["integration.unread.at"], unread["integration.unread.count"]) == (4, 2)
    assert "(line 4)" in caplog.text
    assert "(line 5)" in caplog.text
    assert "JANE" not in caplog.text
    assert b"JANE" not in sink.bytes
    assert tap.counters()["unseen"] == tap.counters()["troubles"] == 2


def test_times_before_1970_and_files_that_go_away_do_no_harm(folder: Path, sink: Kept) -> None:
    (folder / "old.csv").write_bytes(ROWS)
    os.utime(folder / "old.csv", (-86400, -86400))
    (folder / "gone.csv").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.csv")
    tap = tap_of(folder, sink)
    assert tap.poll(0.0) == 1
    assert sink.spans[0].start == 0


def test_a_file_that_cannot_be_read_is_tried_again(
    folder: Path, sink: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.csv").write_bytes(ROWS)
    tap = tap_of(folder, sink)
    with monkeypatch.context() as broken:

        def refuse(*_: Any) -> int:
            raise PermissionError(13, "Permission denied")

        broken.setattr("collector.taps.files_take.os.open", refuse)
        assert tap.poll(0.0) == 0
    assert tap.counters()["unreadable"] == 1
    assert tap.poll(folder_module.RETRY_SECONDS + 1) == 1


def test_without_a_disk_to_note_it_on_a_file_is_still_read_only_once(folder: Path, sink: Kept) -> None:
    (folder.parent / "state").write_bytes(b"a file where the state's folder should be")
    (folder / "a.csv").write_bytes(ROWS)
    tap = tap_of(folder, sink)
    assert [tap.poll(0.0), tap.poll(1.0)] == [1, 0]
    assert len(sink.spans) == 2


def test_names_are_not_in_the_state(folder: Path, sink: Kept) -> None:
    (folder / "JANE_DOE.csv").write_bytes(ROWS)
    tap = tap_of(folder, sink)
    tap.poll(0.0)
    tap._taken.close()
    for file in (folder.parent / "state").iterdir():
        assert b"JANE" not in file.read_bytes()


def test_the_state_is_as_long_as_the_folder(tmp_path: Path) -> None:
    taken = TakenFiles(tmp_path / "state.sqlite3", most=2)
    taken.note([(f"{number}", Stamp(1, number, number), b"x" * 16) for number in range(3)])
    assert taken.too_many
    taken.forget_others(["2", "7"])
    assert taken.count() == 1
    assert taken.find("2") is not None
    assert taken.was_taken("2", 1, b"x" * 16)
    assert not taken.was_taken("1", 1, b"x" * 16)


@pytest.mark.parametrize("watch", ["auto", "poll"])
def test_live(folder: Path, sink: Kept, watch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "SLICE", 2)
    for number in range(5):
        (folder / f"old{number}.csv").write_bytes(b"Visit,Amount\nV%d,1\n" % number)
    tap = tap_of(
        folder,
        sink,
        watch=watch,
        poll_seconds=0.05,
        settle_seconds=0.02,
        subfolders=True,
        format="hl7",
        keys=[],
    )

    async def story() -> None:
        await tap.start()
        await eventually(lambda: tap.counters()["files"] == 5)
        assert tap.counters()["told_by_system"] == int(watch == "auto")
        await asyncio.to_thread((folder / "a.hl7").write_bytes, adt())
        await eventually(lambda: len([span for span in sink.spans if span.tokens]) == 1)
        await asyncio.to_thread((folder / "later").mkdir)
        await asyncio.to_thread((folder / "later" / "b.hl7").write_bytes, adt("C2"))
        await eventually(lambda: len([span for span in sink.spans if span.tokens]) == 2)
        await asyncio.to_thread(folder.rename, folder.with_name("moved"))
        await asyncio.to_thread(folder.mkdir)
        await asyncio.to_thread((folder / "c.hl7").write_bytes, adt("C3"))
        await eventually(lambda: len([span for span in sink.spans if span.tokens]) == 3)
        await tap.stop(1.0)

    asyncio.run(story())


def test_a_marker_wakes_the_tap(folder: Path, sink: Kept) -> None:
    tap = tap_of(folder, sink, complete="marker")

    async def story() -> None:
        await tap.start()
        await asyncio.to_thread((folder / "a.csv").write_bytes, ROWS)
        await eventually(lambda: tap.counters()["waiting"] == 1)
        await asyncio.to_thread((folder / "a.done").touch)
        await eventually(lambda: len(sink.spans) == 2)
        await tap.stop(1.0)

    asyncio.run(story())


def test_more_files_than_are_waited_for_are_all_taken(
    folder: Path, sink: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "MOST_CANDIDATES", 3)
    for number in range(10):
        (folder / f"{number}.csv").write_bytes(ROWS)
    tap = tap_of(folder, sink, poll_seconds=0.02, settle_seconds=0.01)

    async def story() -> None:
        await tap.start()
        await eventually(lambda: tap.counters()["files"] == 10)
        await tap.stop(1.0)

    asyncio.run(story())


def test_without_watches_the_folder_is_polled(
    folder: Path, sink: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Watch, root: str, relative: str = "") -> None:
        raise WatchError(28, "No space left on device")

    monkeypatch.setattr(Watch, "add", refuse)
    caplog.set_level("INFO")
    tap = tap_of(folder, sink, poll_seconds=0.05)

    async def story() -> None:
        await tap.start()
        await asyncio.to_thread((folder / "a.csv").write_bytes, ROWS)
        await eventually(lambda: len(sink.spans) == 2)
        await tap.stop(1.0)

    asyncio.run(story())
    assert caplog.text.count("the folder is polled") == 1
