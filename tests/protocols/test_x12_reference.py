"""Our X12 reader against pyx12, segment by segment, where pyx12 is installed."""

from __future__ import annotations

import io

import pytest

from tracing.protocols.x12 import interchanges

x12file = pytest.importorskip("pyx12.x12file")


def ours(data: bytes) -> list[tuple[str, ...]]:
    found = []
    for interchange in interchanges(data, []):
        for transaction in interchange.transactions:
            found += [tuple(element.strip() for element in one) for one in transaction.segments]
    return found


def theirs(data: bytes) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    inside = False
    for segment in x12file.X12Reader(io.StringIO(data.decode("latin-1"), newline="")):
        name = segment.get_seg_id()
        inside = inside or name == "ST"
        if inside:
            elements = [element.format().strip() for element in segment.elements]
            found.append((name, *elements))
        inside = inside and name != "SE"
    return found


def plain(segments: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Without empty elements at the end, which pyx12 drops, and with one component separator."""
    found = []
    for segment in segments:
        kept = list(segment)
        while kept and not kept[-1].strip(":"):
            kept.pop()
        found.append(tuple(element.rstrip(":") for element in kept))
    return found


def test_the_same_segments_come_out(x12_files: dict[str, bytes]) -> None:
    compared = 0
    for name, data in x12_files.items():
        if name in ("x12_no_isa_line.txt", "x12_bad_first_line.txt"):
            continue  # pyx12 refuses a file whose ISA is not exactly 106 characters
        try:
            reference = theirs(data)
        except Exception:  # what pyx12 cannot read is no reference
            continue
        assert plain(ours(data)) == plain(reference), name
        compared += 1
    assert compared >= 20
