"""How large a segment may grow on this machine: inserting one takes about six times its size in memory.

Pure but for `memory_bytes`, which asks the system. Must never fail: who says nothing gets the smallest.
"""

from __future__ import annotations

import os
from pathlib import Path

SMALLEST_SEGMENT = 16 << 20
LARGEST_SEGMENT = 128 << 20
# Two segments are inserted at once, six times their size each: a tenth of the memory.
_SHARE = 128

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def segment_bytes(memory: int) -> int:
    """Bytes at which a segment is sealed on a machine with `memory` bytes: 16 MiB to 128 MiB."""
    return min(max(memory // _SHARE, SMALLEST_SEGMENT), LARGEST_SEGMENT)


def memory_bytes(limits: tuple[Path, ...] = _CGROUP_LIMITS) -> int:
    """Bytes of memory this process may have: the machine's, or the container's limit where that is less.

    `limits`: files of control groups (version 2, version 1) that hold a number or `max`. 0 when nobody says.
    """
    try:
        known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (OSError, ValueError):
        known = []
    for limit in limits:
        try:
            said = limit.read_text().strip()
        except OSError:
            continue
        if said.isdigit():
            known.append(int(said))
    return max(min(known, default=0), 0)
