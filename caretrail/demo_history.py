"""The demo's past: recorded by the hospital, read through the taps' own code, and judged.

Used by `caretrail demo`, with progress shown. From the observer on it goes the way live traffic
goes; only the clock is the recording's.
"""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.progress import Progress

from caretrail.client import Client, CouldNotAsk
from caretrail.demo_files import LIVE_RATE, RATE, DemoState, moment
from caretrail.settings import load
from collector.taps.replay import open_history
from simulator import history
from simulator.recording import read
from tracing.authorities import Authorities
from tracing.context import SiteKey

_SETTLE_S = 300.0


class History:
    """What happened between the last thing the store knows and `until`."""

    def __init__(self, folder: Path, state: DemoState, until: datetime) -> None:
        self._folder = folder
        self._state = state
        self._until = until
        self._recording = folder / "history.jsonl"
        self._hops = 0

    def record(self, progress: Progress) -> None:
        """Let the hospital live its past."""
        task = progress.add_task("The hospital's past", total=None)
        state = self._state
        truth = self._folder / "history-truth.jsonl"
        written = history.write(
            self._recording,
            truth,
            state.seed,
            moment(state.begun),
            self._until,
            rate=RATE,
            examples=True,
            since=moment(state.loaded_until) if state.loaded_until else None,
            processes=state.processes,
            live_rate=LIVE_RATE,
            lived=[(moment(begin), moment(end)) for begin, end in state.lived],
        )
        self._hops = written.hops
        with (self._folder / "truth.jsonl").open("a") as all_truth:
            all_truth.write(truth.read_text())
        truth.unlink()
        progress.update(task, total=1, completed=1)

    def replay(self, progress: Progress, endpoint: str, ended: threading.Event) -> None:
        """Read it through the taps, off to the collector."""
        settings = load(self._folder / "caretrail.yaml").settings
        site_key = SiteKey.load(self._folder / settings.site.key_file)
        task = progress.add_task("Through the taps", total=self._hops)
        spool = self._folder / "spool-history"
        with open_history(
            settings.interfaces,
            site_key,
            endpoint,
            spool,
            site=settings.site.id,
            authorities=Authorities(settings.identity),
            zone=ZoneInfo(settings.site.timezone),
        ) as past:
            for number, record in enumerate(read(self._recording), 1):
                if ended.is_set():
                    return
                past.observer.observe_record(record)
                if number % 200 == 0:
                    past.throttle()
                    progress.update(task, completed=number)
            progress.update(task, completed=self._hops)
            task = progress.add_task("Into the store", total=None)
            while not past.flush(0.2) and not ended.is_set():
                pass
            progress.update(task, total=1, completed=1)
        self._recording.unlink(missing_ok=True)

    def settle(self, progress: Progress, client: Client, ended: threading.Event) -> None:
        """Wait until everything has been judged: each loop ended two steps after the log ran empty."""
        task = progress.add_task("Judged", total=None)
        seen: dict[str, Any] = {}
        turns = 0
        waited = 0.0
        while turns < 2 and waited < _SETTLE_S and not ended.is_set():
            try:
                backlog = client.get("/readyz")
            except CouldNotAsk:
                backlog = {"log_bytes": 1, "loops": {}}
            loops = backlog["loops"]
            if backlog["log_bytes"] > 0 or not all(loops.values()):
                turns = 0
            elif not seen or all(loops[name] != seen.get(name) for name in loops):
                turns += bool(seen)
                seen = loops
            ended.wait(0.1)
            waited += 0.1
        progress.update(task, total=1, completed=1)
