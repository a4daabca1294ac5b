"""What a benchmark ran on, and its percentiles; shared by the benchmarks of search and identity."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
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
