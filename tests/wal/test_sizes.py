"""Segments grow with the machine, and no further than what an insert of one takes is there."""

from pathlib import Path

import pytest

from collector.wal.sizes import memory_bytes, segment_bytes

GIB = 1 << 30


@pytest.mark.parametrize(
    ("memory", "mib"), [(0, 16), (GIB, 16), (4 * GIB, 32), (8 * GIB, 64), (16 * GIB, 128), (512 * GIB, 128)]
)
def test_a_segment_is_a_share_of_the_memory_within_bounds(memory: int, mib: int) -> None:
    assert segment_bytes(memory) == mib << 20


def test_a_container_has_what_its_limit_leaves(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    machine = memory_bytes((limit,))
    assert machine > 64 << 20

    limit.write_text("max\n")
    assert memory_bytes((limit,)) == machine

    limit.write_text(f"{32 << 20}\n")
    assert memory_bytes((limit,)) == 32 << 20

    # Version 1 says "no limit" with a number larger than any memory.
    limit.write_text("9223372036854771712\n")
    assert memory_bytes((limit,)) == machine
