"""What a benchmark ran on, where its data goes, and its percentiles; shared by the benchmarks."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, cores, memory, load, and the Python that runs."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }


def said(one: dict[str, Any]) -> str:
    """The machine in one line."""
    return f"{one['cpu']}, {one['cores']} cores, {one['memory_gib']} GiB; load {one['load']}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of all lie (0 to 1); 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def resident_mb() -> float:
    """Memory of this process that is in use now, in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def add_folder_options(parser: argparse.ArgumentParser) -> None:
    """The options that `workplace` reads."""
    parser.add_argument("--folder", type=Path, help="where data goes (default: a temporary folder)")
    parser.add_argument("--keep", action="store_true", help="leave the data, and say where it is")
    parser.add_argument("--reuse", type=Path, help="a folder that --keep left, instead of filling one")


@contextmanager
def workplace(options: argparse.Namespace, name: str, needed: int) -> Iterator[tuple[Path, bool]]:
    """A folder with `needed` bytes free, and whether it is yet to be filled; gone at the end unless kept.

    Exits when there is not room enough.
    """
    if options.reuse is not None:
        if not (options.reuse / "store").is_dir():
            raise SystemExit(f"there is no store of an earlier run in {options.reuse}")
        yield options.reuse, False
        return
    folder = Path(tempfile.mkdtemp(prefix=f"caretrail-{name}-", dir=options.folder))
    try:
        if shutil.disk_usage(folder).free < needed:
            raise SystemExit(f"needs {needed / 1e9:.0f} GB free in {folder.parent}")
        if options.keep:
            print(f"data stays in {folder}", flush=True)
        yield folder, True
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
