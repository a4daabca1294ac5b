"""What a folder of very many old files costs the tap: time to start, memory, disk.

    python -m benchmarks.folder --files 1000000

Makes the files (small, two days old), then measures in a process of its own each: the first start, which
leaves them alone; a restart, during which a new file arrives; one look by polling; and reading all of them.
With `--no-read` the names are links to a few files, which makes them sooner. The names kept in a dictionary
are there to compare with. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from collector.taps.config import FolderInterface
from collector.taps.file_observers import file_observer
from collector.taps.folder import FolderTap
from collector.taps.hops import KeyEncoder
from collector.taps.observe_files import Batched
from tracing.context import SiteKey
from tracing.keys import Sealer

_AGE = 2 * 86_400
_LINKS = 50_000


class _Dropped:
    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        return True


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000, help="old files (default 100,000)")
    parser.add_argument("--folder", help="where to make them (default: the system's temporary folder)")
    parser.add_argument("--no-read", action="store_true", help="leave out reading them all")
    parser.add_argument(
        "--step", choices=("first", "restart", "poll", "read", "names"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.step:
        print(json.dumps(_step(options.step, Path(options.folder), options.files)))
        return
    root = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        _make(root / "in", options.files, linked=options.no_read)
        found: dict[str, Any] = {"files": options.files}
        for step in ("first", "restart", "poll", "names"):
            found |= _run(step, root, options.files)
        if not options.no_read:
            shutil.rmtree(root / "state")
            found |= _run("read", root, options.files)
    finally:
        shutil.rmtree(root)
    _print(found)
    print(json.dumps(found))


def _run(step: str, root: Path, files: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.folder", "--step", step, "--folder", str(root)]
    done = subprocess.run([*command, "--files", str(files)], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _make(folder: Path, files: int, linked: bool = False) -> None:
    folder.mkdir()
    then = time.time() - _AGE
    first = folder
    for number in range(files):
        path = folder / f"claims-2026-03-01-{number:09d}.csv"
        if linked and number % _LINKS:
            os.link(first, path)
            continue
        first = path
        path.write_bytes(b"Visit\nV%d\n" % number)
        os.utime(path, (then, then))


def _step(step: str, root: Path, files: int) -> dict[str, Any]:
    if step == "names":
        before = _resident()
        kept = {entry.name: tuple(entry.stat())[:8] for entry in os.scandir(root / "in")}
        return {"names_in_a_dict_mb": round(_resident() - before, 1), "names": len(kept)}
    interface = FolderInterface(
        kind="folder",
        format="delimited",
        name="rows",
        source="a",
        destination="b",
        path=str(root / "in"),
        existing="read" if step == "read" else "skip",
        watch="poll" if step == "poll" else "auto",
        settle_seconds=0.1,
        poll_seconds=0.2,
    )
    sink = Batched(_Dropped())
    observer = file_observer(interface, KeyEncoder(Sealer(SiteKey(bytes(32)))), sink)
    tap = FolderTap(interface, observer, root / "state" / "rows.sqlite3", sink.flush)
    before = _resident()
    return asyncio.run(_measure(step, tap, root, before, files))


async def _measure(step: str, tap: FolderTap, root: Path, before: float, files: int) -> dict[str, Any]:
    began = time.monotonic()
    await tap.start()
    found: dict[str, Any] = {}
    if step == "restart":
        new = root / "in" / f"new-{step}.csv"
        await asyncio.sleep(0.2)
        written = time.monotonic()
        await asyncio.to_thread(new.write_bytes, b"Visit\nV1\n")
        await _until(lambda: tap.counted.files > 0)
        found[f"{step}_new_file_read_after_s"] = round(time.monotonic() - written, 2)
    await _until(lambda: tap._look is None and tap._next_look > 0)
    took = time.monotonic() - began
    found[f"{step}_look_s"] = round(took, 2)
    found[f"{step}_memory_mb"] = round(_resident() - before, 1)
    if step == "read":
        found["read_files_per_s"] = round(tap.counted.files / took)
    await tap.stop(0)
    size = sum(path.stat().st_size for path in (root / "state").iterdir())
    found[f"{step}_state_bytes_per_file"] = round(size / files, 1)
    return found


async def _until(condition: Callable[[], bool]) -> None:
    for _ in count():
        if condition():
            return
        await asyncio.sleep(0.01)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _print(found: dict[str, Any]) -> None:
    print(f"{found['files']:,} old files")
    rows = [
        ("first start, leaving them alone", "first", ""),
        ("restart", "restart", f"a new file was read after {found['restart_new_file_read_after_s']} s"),
        ("restart, by polling", "poll", ""),
    ]
    if "read_files_per_s" in found:
        rows.append(("first start, reading them all", "read", f"{found['read_files_per_s']:,} files/s"))
    for title, step, more in rows:
        state = found[f"{step}_state_bytes_per_file"]
        print(
            f"  {title:33} {found[f'{step}_look_s']:8.2f} s  {found[f'{step}_memory_mb']:6.1f} MB"
            f"  {state:6.1f} bytes of disk a file  {more}"
        )
    print(f"  {'names and stamps in a dictionary':33} {'':10}  {found['names_in_a_dict_mb']:6.1f} MB")


if __name__ == "__main__":
    main()
