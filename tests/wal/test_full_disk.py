"""A disk that fills or fails: appends fail, nothing acknowledged is lost, and the log goes on by itself."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from collector.wal import DiskFull, Wal, WalError
from collector.wal.files import Files
from tests.wal.conftest import MakeWal
from tests.wal.test_log import drain


class SmallDisk(Files):
    """Room for so many more bytes; a write that does not fit is cut in the middle, as a real one is."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.fail_sync: int | None = None
        self.fail_truncate = False

    def write(self, descriptor: int, buffers: Sequence[bytes], offset: int) -> int:
        data = b"".join(buffers)
        if len(data) > self.room:
            os.pwrite(descriptor, data[: self.room], offset)
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(data)
        return super().write(descriptor, buffers, offset)

    def sync(self, descriptor: int) -> None:
        if self.fail_sync is not None:
            raise OSError(self.fail_sync, os.strerror(self.fail_sync))
        super().sync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        if self.fail_truncate:
            raise OSError(errno.EIO, "Input/output error")
        super().truncate(descriptor, size)


def test_at_every_cut_a_full_disk_fails_the_append_and_corrupts_nothing(tmp_path: Path) -> None:
    for room in range(0, 40):
        disk = SmallDisk(10_000)
        wal = Wal(tmp_path / str(room), segment_age=0, reserve_bytes=0, files=disk)
        wal.append(b"kept").result(5)
        disk.room = room
        with pytest.raises(DiskFull, match="No space left"):
            wal.append(b"does not fit, whatever happens, by far").result(5)
        assert wal.status().disk_full
        disk.room = 10_000
        wal.append(b"fits again").result(5)
        assert not wal.status().disk_full
        assert drain(wal) == [b"kept", b"fits again"]
        wal.close()


def test_a_body_that_failed_may_be_sent_again(make_wal: MakeWal) -> None:
    disk = SmallDisk(0)
    wal = make_wal(files=disk)
    with pytest.raises(DiskFull):
        wal.append(b"body").result(5)
    disk.room = 1000
    wal.append(b"body").result(5)
    assert drain(wal) == [b"body"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_after_a_failed_sync_the_file_is_left_and_a_new_one_begun(make_wal: MakeWal, number: int) -> None:
    disk = SmallDisk(10_000)
    wal = make_wal(files=disk)
    wal.append(b"kept").result(5)
    disk.fail_sync = number
    with pytest.raises(WalError):
        wal.append(b"unsure").result(5)
    disk.fail_sync = None
    wal.append(b"later").result(5)
    assert wal.status().pending_segments == 2
    assert drain(wal) == [b"kept", b"later"]


def test_when_the_torn_end_cannot_be_cut_it_is_still_not_read(make_wal: MakeWal) -> None:
    disk = SmallDisk(10_000)
    wal = make_wal(files=disk)
    wal.append(b"kept").result(5)
    disk.room, disk.fail_truncate = 20, True
    with pytest.raises(DiskFull):
        wal.append(b"torn in the middle of it").result(5)
    disk.room = 10_000
    wal.append(b"later").result(5)
    wal.close()
    assert drain(make_wal()) == [b"kept", b"later"]


def test_the_store_keeps_its_share_of_the_disk(make_wal: MakeWal) -> None:
    class Filling(Files):
        free = 10_000

        def free_bytes(self, directory: Path) -> int:
            return self.free

    disk = Filling()
    wal = make_wal(files=disk, reserve_bytes=5_000)
    wal.append(b"fits").result(5)
    disk.free = 4_000
    assert "disk is full" in (wal.closed_for() or "")
    wal._next_free_look = 0.0
    with pytest.raises(DiskFull, match="kept for the store"):
        wal.append(b"no").result(5)
    disk.free = 10_000
    assert wal.closed_for() is None
    wal.append(b"yes").result(5)
    assert drain(wal) == [b"fits", b"yes"]


def test_a_real_file_size_limit_of_the_process(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes the kernel itself cut the write short, then refuse it."""
    script = textwrap.dedent(
        """
        import resource, signal, sys
        from pathlib import Path
        from collector.wal import DiskFull, Wal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        wal = Wal(Path(sys.argv[1]), segment_age=0, reserve_bytes=0)
        wal.append(b"a" * 3000).result(5)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        try:
            wal.append(b"b" * 5000).result(5)
            raise SystemExit("the limit did not hold")
        except DiskFull:
            pass
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wal.append(b"c" * 5000).result(5)
        wal.close()
        """
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "wal")], check=True, timeout=30)
    wal = Wal(tmp_path / "wal", segment_age=0, reserve_bytes=0)
    assert drain(wal) == [b"a" * 3000, b"c" * 5000]
    wal.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB; only root may mount one."""
    target = tmp_path / "disk"
    target.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(target)], capture_output=True, text=True
    )
    if mount.returncode:
        pytest.skip(f"SKIPPED LOUDLY: no small file system can be mounted here: {mount.stderr.strip()}")
    yield target
    subprocess.run(["umount", str(target)], check=True)


def test_a_real_full_disk(tiny_disk: Path) -> None:
    wal = Wal(tiny_disk / "wal", segment_age=0, reserve_bytes=0)
    kept: list[bytes] = []
    for number in range(1000):
        body = b"%d" % number * 5000
        failure = wal.append(body).exception(5)
        if failure is not None:
            break
        kept.append(body)
    assert isinstance(failure, DiskFull)
    assert len(kept) > 5
    # The writer drains, and that alone makes room.
    assert drain(wal) == kept
    wal.append(b"room again").result(5)
    assert drain(wal) == [b"room again"]
    wal.close()
