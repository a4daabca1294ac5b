"""The few file operations the log needs, so that a test can stand a failing disk in their place.

Called only by the log, recovery and the set-aside folder. Every call may raise OSError; nothing is retried.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

# Linux takes at most 1024 buffers a call.
_MOST_BUFFERS = 1024


class Files:
    """The operating system's files."""

    def create(self, path: Path) -> int:
        """A new empty file, open for writing; its directory entry is durable when this returns."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self.sync_directory(path.parent)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def write(self, descriptor: int, buffers: Sequence[bytes], offset: int) -> int:
        """All of `buffers` at `offset`; the number of bytes written. May raise in the middle of them."""
        first = offset
        for at in range(0, len(buffers), _MOST_BUFFERS):
            chunk = buffers[at : at + _MOST_BUFFERS]
            wanted = sum(map(len, chunk))
            written = os.pwritev(descriptor, chunk, offset)
            if written < wanted:
                # Short writes happen when the disk fills; the next call says why.
                rest = memoryview(b"".join(chunk))[written:]
                offset += written
                while rest:
                    written = os.pwrite(descriptor, rest, offset)
                    rest = rest[written:]
                    offset += written
            else:
                offset += written
        return offset - first

    def sync(self, descriptor: int) -> None:
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def read(self, path: Path, size: int | None = None) -> bytes:
        with open(path, "rb") as file:
            return file.read() if size is None else file.read(size)

    def write_whole(self, path: Path, data: bytes) -> None:
        """A whole small file, durable and never half there: written beside and renamed."""
        beside = path.with_name(path.name + ".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self.write(descriptor, [data], 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(beside, path)
        self.sync_directory(path.parent)

    def replace(self, path: Path, target: Path) -> None:
        os.replace(path, target)
        self.sync_directory(target.parent)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def free_bytes(self, directory: Path) -> int:
        """Bytes this user may still write on the folder's file system."""
        state = os.statvfs(directory)
        return state.f_bavail * state.f_frsize

    def sync_directory(self, directory: Path) -> None:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
