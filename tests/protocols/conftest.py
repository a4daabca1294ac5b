"""Real messages, where they are at hand: ../shared/corpus beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of public sample messages; skips the test where it is absent."""
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real messages is not beside the repository")
    return CORPUS


@pytest.fixture(scope="session")
def simhospital(corpus: Path) -> bytes:
    """1,013 HL7 v2.3 messages, separated by blank lines, segments ended by CR."""
    return (corpus / "hl7v2" / "simhospital.hl7").read_bytes()


@pytest.fixture(scope="session")
def x12_files(corpus: Path) -> dict[str, bytes]:
    """Every X12 sample by its file name."""
    return {path.name: path.read_bytes() for path in sorted((corpus / "x12").glob("*/*.txt"))}
