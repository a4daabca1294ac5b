"""`caretrail demo`: a synthetic hospital, its taps and the core as three processes on loopback.

Prints one line with a one-time link when history is loaded and judged. Ctrl-C stops everything; a second
start goes on with its data. Must never listen on anything but loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from caretrail import demo_files, demo_history
from caretrail.children import Child
from caretrail.client import Client, CouldNotAsk
from caretrail.demo_files import DemoState
from caretrail.instance import CONFIG_NAME, CannotStart, bind, find_config, lock, prepare_folder, secret_file
from tracing.context import SiteKey

_CORE_START_S = 90.0
#: How much of a hospital's life may be forgotten when the demo is killed.
_KEEP_EVERY_S = 10.0


def run(options: argparse.Namespace) -> int:
    """Raises CannotStart: port in use, folder not writable, second instance on the folder."""
    console = Console(stderr=True, highlight=False)
    folder = prepare_folder(Path(options.data))
    held = lock(folder, "demo.lock")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        return _run(options, folder, console, ended)
    finally:
        held.close()


def _run(options: argparse.Namespace, folder: Path, console: Console, ended: threading.Event) -> int:
    _check_port(options.port)
    state = demo_files.read_state(folder)
    now = datetime.now(UTC)
    if state is None:
        begun = now - timedelta(days=options.history_days)
        chosen = demo_files.processes(options.processes)
        state = DemoState(seed=options.seed, begun=begun.isoformat(), processes=chosen)
    ports = demo_files.choose_ports(state.processes)
    for name in ("claims/out", "claims/in", "logs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if not (folder / "site.key").exists():
        SiteKey.create(folder / "site.key")
    token = secret_file(folder / "api-token")
    demo_files.write_settings(folder, demo_files.settings(ports, options.port, folder, state.processes))
    config = str(folder / "caretrail.yaml")
    core = Child("core", ["up", "--config", config], folder / "logs/core.log")
    taps = Child("taps", ["tap", "--config", config], folder / "logs/taps.log")
    plan = folder / "hospital.json"
    hospital = Child("hospital", ["hospital", "--plan", str(plan)], folder / "logs/hospital.log")
    client = Client(f"http://127.0.0.1:{options.port}", token)
    children = [core]
    lives: datetime | None = None
    try:
        core.start()
        _wait_ready(core, client, ended)
        live_from = _load(options, folder, state, ports, client, console, ended)
        if not ended.is_set() and not options.no_live:
            taps.start()
            children.append(taps)
            plan.write_text(json.dumps(demo_files.hospital(ports, folder, state, live_from)))
            _wait_listening(taps, ports["tap_adt"], ended)
            hospital.start()
            children.append(hospital)
            lives = live_from
        if not ended.is_set():
            link = client.post("/api/v1/login", {})["link"]
            print(f"Caretrail is ready: {link}", flush=True)
            console.print(f"[dim]Data in {folder}, logs in {folder / 'logs'}. Ctrl-C stops.[/]")
            _hint(folder, client, console)
        _watch(children, console, ended, partial(_keep, folder, state, lives))
    finally:
        _keep(folder, state, lives)
        for child in reversed(children):
            child.stop()
    console.print("Stopped.")
    return 0


def _check_port(port: int) -> None:
    bind("127.0.0.1", port, "the pages", "Choose another with --port.").close()


def _load(
    options: argparse.Namespace,
    folder: Path,
    state: DemoState,
    ports: dict[str, int],
    client: Client,
    console: Console,
    ended: threading.Event,
) -> datetime:
    """Bring the store up to now. Returns when live traffic takes over."""
    live_from = datetime.now(UTC)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        history = demo_history.History(folder, state, live_from)
        history.record(progress)
        history.replay(progress, f"http://127.0.0.1:{ports['otlp_http']}", ended)
        history.settle(progress, client, ended)
    if not ended.is_set():
        demo_files.write_state(folder, replace(state, loaded_until=live_from.isoformat()))
    return live_from


def _wait_ready(core: Child, client: Client, ended: threading.Event) -> None:
    limit = time.monotonic() + _CORE_START_S
    while not ended.is_set():
        if core.exit_code() is not None:
            raise CannotStart(f"the core did not start: {core.last_line()} (see {core.log})")
        try:
            client.get("/readyz")
            return
        except CouldNotAsk:
            if time.monotonic() > limit:
                raise CannotStart(
                    f"the core is not ready after {_CORE_START_S:.0f} s; see {core.log}"
                ) from None
        ended.wait(0.1)


def _wait_listening(taps: Child, port: int, ended: threading.Event) -> None:
    limit = time.monotonic() + 20.0
    while not ended.is_set():
        if taps.exit_code() is not None:
            raise CannotStart(f"the taps did not start: {taps.last_line()} (see {taps.log})")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > limit:
            raise CannotStart(f"the taps do not listen after 20 s; see {taps.log}")
        ended.wait(0.05)


def _hint(folder: Path, client: Client, console: Console) -> None:
    """Things to try, with numbers that exist."""
    command = "caretrail where"
    if (program := Path(sys.argv[0])).name == "caretrail" and not shutil.which("caretrail"):
        command = f"{os.path.relpath(program)} where"
    named = "" if _is_found(folder) else f" --config {shlex.quote(str(folder / CONFIG_NAME))}"
    for visit, state in demo_files.examples(folder, client):
        console.print(f"[dim]Try:[/] {command} {visit}{named}   [dim]({state})[/]", soft_wrap=True)


def _is_found(folder: Path) -> bool:
    """Whether a command without `--config` asks this demo."""
    try:
        return find_config(None).resolve() == (folder / CONFIG_NAME).resolve()
    except CannotStart:
        return False


def _keep(folder: Path, state: DemoState, lives: datetime | None) -> None:
    """Write down until when the hospital has lived, if it has."""
    if lives is not None:
        demo_files.write_state(folder, state.living(lives, datetime.now(UTC)))


def _watch(children: list[Child], console: Console, ended: threading.Event, keep: Callable[[], None]) -> None:
    kept = time.monotonic()
    while not ended.wait(0.5):
        if time.monotonic() - kept > _KEEP_EVERY_S:
            keep()
            kept = time.monotonic()
        for child in children:
            code = child.exit_code()
            if child.revive():
                console.print(
                    f"[yellow]{child.name} ended ({code}) and was started again; see {child.log}[/]"
                )
