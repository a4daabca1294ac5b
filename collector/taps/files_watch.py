"""Being told by the system that a folder has changed: inotify(7), by way of the C library.

Called by the folder tap, which looks for itself where this is not to be had: on other systems, on network
shares (where another machine's changes are not told), and when the system's watches are used up.
It must never keep anything from being written, read or moved.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from functools import lru_cache
from typing import NamedTuple

_MODIFY, _CLOSE_WRITE, _MOVED_TO, _CREATE = 0x2, 0x8, 0x80, 0x100
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_UNMOUNT, _OVERFLOW, _IGNORED, _ONLYDIR, _ISDIR = 0x2000, 0x4000, 0x8000, 0x01000000, 0x40000000
_ASKED = _MODIFY | _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE_SELF | _MOVE_SELF | _ONLYDIR
_EVENT = struct.Struct("iIII")
_READ = 256 << 10
# statfs(2): nfs, smb, cifs, smb2, afs, ceph, 9p, fuse, gfs2, lustre, gpfs, ocfs2.
_SHARED = frozenset(
    {0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0x5346414F, 0x00C36400, 0x01021997, 0x65735546, 0x01161970,
     0x0BD00BD0, 0x47504653, 0x7461636F}
)  # fmt: skip


class Changes(NamedTuple):
    """What has changed: paths relative to the folder; `written` are still open or were only just made."""

    complete: set[str]
    written: set[str]
    folders: set[str]
    lost: bool
    """Something was missed, or the folder itself has gone: look for yourself."""


class WatchError(OSError):
    """The system does not tell about this folder."""


def is_shared(path: str) -> bool:
    """Whether a folder is on a file system that other machines may write to; True where it is not known."""
    if not sys.platform.startswith("linux"):
        return True
    buffer = ctypes.create_string_buffer(256)
    if _libc().statfs(os.fsencode(path), buffer) != 0:
        return True
    (kind,) = struct.unpack_from("l", buffer)
    return (kind & 0xFFFFFFFF) in _SHARED


class Watch:
    """One inotify instance: a folder, and those inside it that are added."""

    def __init__(self) -> None:
        """Raises `WatchError`."""
        if not sys.platform.startswith("linux"):
            raise WatchError("inotify is of Linux")
        self.descriptor = _libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise WatchError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._folders: dict[int, str] = {}

    def add(self, root: str, relative: str = "") -> None:
        """Watch a folder; again is no harm. Raises `WatchError`."""
        path = os.fsencode(os.path.join(root, relative))
        number = _libc().inotify_add_watch(self.descriptor, path, _ASKED)
        if number < 0:
            raise WatchError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._folders[number] = relative

    def changes(self) -> Changes:
        """Everything that was told since the last call; never waits."""
        found = Changes(set(), set(), set(), False)
        while True:
            try:
                data = os.read(self.descriptor, _READ)
            except BlockingIOError:
                return found
            except OSError:
                return found._replace(lost=True)
            lost = self._take(data, found)
            if lost:
                found = found._replace(lost=True)

    def close(self) -> None:
        """Watch nothing any more."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _take(self, data: bytes, found: Changes) -> bool:
        lost = False
        position = 0
        while position + _EVENT.size <= len(data):
            number, mask, _, length = _EVENT.unpack_from(data, position)
            position += _EVENT.size
            name = os.fsdecode(data[position : position + length].rstrip(b"\0"))
            position += length
            folder = self._folders.get(number)
            if mask & _OVERFLOW:
                lost = True
            elif folder is None:
                continue
            elif mask & (_IGNORED | _UNMOUNT | _DELETE_SELF | _MOVE_SELF):
                self._folders.pop(number, None)
                lost = lost or not folder  # a folder inside may go; when the folder itself goes, look
            elif name:
                path = os.path.join(folder, name)
                if mask & _ISDIR:
                    found.folders.add(path)
                elif mask & (_MOVED_TO | _CLOSE_WRITE):
                    found.complete.add(path)
                else:
                    found.written.add(path)
        return lost


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
