"""How soon a missed deadline shows, and what judging costs, with many open and many more closed instances.

    python -m benchmarks.evaluate --open 1000000 --closed 10000000
    python -m benchmarks.evaluate --grow

Fills an embedded store with instances of a year, and checkpoints and keys of the last of them, made inside
the engine. Then, with the evaluator running as in the core, news coming at `--news` a second and somebody
watching the board, deadlines pass, and the time until its tiles, its list and the alerts tell of each is
taken (drawing the page is not). After that, one thing at a time: a step with few and many changes, tiles,
lists, learning, hours. Processor time is of all threads; where it is far below the time, others kept the
machine busy. Prints tables; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, percentile, resident_mb, said
from dashboard.feed import Feed
from dashboard.pages.board import FRESH
from dashboard.places import PLACES
from dashboard.settings import DashboardSettings
from dashboard.source import StoreSource, Watched
from dashboard.watching import AHEAD, moment_of
from slo.alerts.observe import observe_steps
from slo.workflows import activate, define, read
from slo.workflows.evaluator import Evaluator, assume_settled
from slo.workflows.history import History, learn
from slo.workflows.rows import Tile
from tracing.store import Store, load_sql, open_store

PACKS = Path(__file__).parents[1] / "workflows"
MANY, SENTINEL = "discharge-to-cash", "registration-to-billing"
_AT_ONCE = 250_000
_BYTES_AN_INSTANCE = 1_500  # with what merges need for a while
_DUES, _SECONDS = 20, 40


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--closed", type=int, default=10_000_000)
    parser.add_argument("--grow", action="store_true", help="10 thousand to 10 million, a tenth of them open")
    parser.add_argument(
        "--messages",
        type=int,
        default=1_000_000,
        help="closed instances that have checkpoints and keys as well; every open one has",
    )
    parser.add_argument("--news", type=int, default=50, help="changed instances a second meanwhile")
    parser.add_argument("--repeat", type=int, default=9, help="measurements of each thing")
    parser.add_argument("--folder", type=Path, help="where data goes (default: a temporary folder)")
    parser.add_argument("--keep", type=Path, help="a folder that is filled once and measured again later")
    options = parser.parse_args()
    sizes = [(10**n // 10, 10**n) for n in (4, 5, 6, 7)] if options.grow else [(options.open, options.closed)]
    ran_on = machine()
    print(said(ran_on))
    found = []
    for waiting, closed in sizes:
        folder = options.keep or Path(tempfile.mkdtemp(prefix="caretrail-evaluate-", dir=options.folder))
        try:
            needed = (waiting + closed) * _BYTES_AN_INSTANCE
            folder.mkdir(exist_ok=True)
            if not (folder / "store").exists() and shutil.disk_usage(folder).free < needed:
                raise SystemExit(f"needs {needed / 1e9:.0f} GB free in {folder.parent}")
            found.append(run(options, folder, waiting, closed))
        finally:
            if not options.keep:
                shutil.rmtree(folder, ignore_errors=True)
    print(
        json.dumps({"sizes": found, "machine": ran_on} if options.grow else {**found[0], "machine": ran_on})
    )


def run(options: argparse.Namespace, folder: Path, waiting: int, closed: int) -> dict[str, Any]:
    """Fill, measure, print; returns the figures."""
    with open_store(f"chdb://{folder / 'store'}") as store:
        store.migrate()
        took = 0.0
        if not store.query("SELECT 1 FROM open_instances LIMIT 1").rows:
            for name in (MANY, SENTINEL):
                activate(store, define(PACKS / f"{name}.yaml"), datetime.now(UTC))
            took = _fill(store, waiting, closed, options.messages)
        size = _settle(store)
        [(there,)] = store.query("SELECT count() FROM instances").rows
        print(
            f"\n{there - waiting:,} closed and {waiting:,} open instances made in {took:.0f} s; "
            f"{size / (waiting + closed):.0f} bytes an instance in all tables"
        )
        aside = store.handle()
        history = History(aside)
        evaluator = Evaluator(store, history)
        assume_settled(store, datetime.now(UTC) - timedelta(seconds=61))
        began = time.perf_counter()
        evaluator.step(datetime.now(UTC))
        first = time.perf_counter() - began
        shown = _lateness(store, evaluator, waiting, closed, options.news)
        costs = _costs(store, evaluator, waiting, closed, options.repeat)
        aside.close()
        print(f"{'first step after a start':40}{first * 1000:>10.0f} ms")
        return {
            "open": waiting,
            "closed": closed,
            "filled_s": round(took),
            "bytes_an_instance": round(size / (waiting + closed)),
            "first_step_ms": round(first * 1000),
            "shown_after_s": shown,
            "ms": costs,
            "resident_mb": round(resident_mb()),
        }


def _fill(store: Store, waiting: int, closed: int, messages: int) -> float:
    began = time.perf_counter()
    whole = {"closed": closed, "now": int(time.time() * 1000)}
    for first in range(0, waiting + closed, _AT_ONCE):
        chunk = whole | {"from": first, "count": min(_AT_ONCE, waiting + closed - first)}
        store.command(load_sql("benchmarks", "evaluate_instances.sql"), chunk)
        if first + chunk["count"] > closed - messages:
            for name in ("evaluate_checkpoints.sql", "evaluate_places.sql"):
                store.command(load_sql("benchmarks", name), chunk)
        if first and first % (8 * _AT_ONCE) == 0:
            print(f"  {first:,} after {time.perf_counter() - began:.0f} s", flush=True)
    store.command(load_sql("benchmarks", "evaluate_open.sql"))
    return time.perf_counter() - began


def _settle(store: Store, patience_s: float = 300.0) -> int:
    """Bytes of everything when the engine has merged what it would have merged after some quiet hours."""
    for table in ("instances", "checkpoints", "open_instances"):
        store.command(f"OPTIMIZE TABLE {table} FINAL")
    until = time.monotonic() + patience_s
    while time.monotonic() < until and store.query("SELECT count() FROM system.merges").rows[0][0]:
        time.sleep(1)
    sql = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()"
    return int(store.query(sql).rows[0][0])


def _lateness(
    store: Store, evaluator: Evaluator, waiting: int, closed: int, news: int
) -> dict[str, dict[str, float]]:
    """Seconds from a deadline until each of tiles, attention and alerts tells of it, under load."""
    dice = random.Random(1)
    # Those of another run on the same folder are late for ever.
    for table in ("instances", "open_instances"):
        store.command(f"DELETE FROM {table} WHERE workflow = '{SENTINEL}'")
    start = time.time() + 3
    dues = sorted(start + dice.random() * (_SECONDS - 5) for _ in range(_DUES))
    mine = {"workflow": SENTINEL, "dues": [int(due * 1000) for due in dues]}
    store.command(load_sql("benchmarks", "evaluate_sentinels.sql"), mine)
    sentinel_open = load_sql("benchmarks", "evaluate_open.sql").replace(
        "closed = 0", f"workflow = '{SENTINEL}'"
    )
    store.command(sentinel_open)
    passed: dict[str, list[float]] = {"tiles": [], "attention": [], "alerts": []}
    steps: list[float] = []

    def evaluate() -> None:
        began = time.perf_counter()
        evaluator.step(datetime.now(UTC))
        steps.append(time.perf_counter() - began)

    handles = [store.handle() for _ in range(2)]

    def seen(name: str, known: int) -> None:
        passed[name] += [time.time() - due for due in dues[len(passed[name]) : known]]

    ages: list[float] = []

    def alert() -> None:
        known = observe_steps(handles[0], datetime.now(UTC), timedelta(days=1))
        seen("alerts", sum(one.affected for one in known if one.workflow == SENTINEL))

    numbers = iter(range(10**9))

    def arrive() -> None:
        _news(handles[1], waiting, closed, news, next(numbers))

    def learn_and_count() -> None:
        evaluator.history.step(datetime.now(UTC))

    loops = [(evaluate, 0.5), (alert, 1.0), (arrive, 1.0), (learn_and_count, 1.0)]
    with ExitStack() as running:
        running.enter_context(_wall(store, seen, ages.append))
        for work, every_s in loops:
            running.enter_context(_repeating(work, every_s))
        time.sleep(_SECONDS + 5)
    for handle in handles:
        handle.close()
    answer = {}
    print(f"{'a deadline passes, and it shows in':40}{'p50':>10}{'longest':>10}")
    for name, delays in passed.items():
        if len(delays) < _DUES:
            raise SystemExit(f"{name} missed {_DUES - len(delays)} deadlines")
        answer[name] = {"p50": round(percentile(delays, 0.5), 2), "max": round(max(delays), 2)}
        print(f"{'  ' + name:40}{answer[name]['p50']:>8.2f} s{answer[name]['max']:>8.2f} s")
    print(
        f"  meanwhile a step with {news} news a second took {percentile(steps, 0.5) * 1000:.0f} ms, "
        f"at most {max(steps) * 1000:.0f} ms, {len(steps) / (_SECONDS + 5):.1f} steps a second"
    )
    answer["news"] = {"p50": round(percentile(ages, 0.5), 2), "max": round(max(ages), 2)}
    print(
        f"  what else is new showed {answer['news']['p50']} s after a step, at most {answer['news']['max']} s"
    )
    answer["steps"] = {"p50": round(percentile(steps, 0.5), 3), "max": round(max(steps), 3)}
    return answer


@contextmanager
def _wall(store: Store, seen: Callable[[str, int], None], aged: Callable[[float], None]) -> Iterator[None]:
    """A board that somebody watches: what its page asks, as often as it asks, without drawing it."""
    settings, ended = DashboardSettings(), threading.Event()
    source, feed = StoreSource(store), Feed(lambda: datetime.now(UTC))

    def ask(now: datetime) -> tuple[Sequence[Tile], list[Watched]]:
        source.interfaces(now)
        source.facilities()
        return source.tiles(now, AHEAD), [
            source.watched(now, settings.attention_limit, None, None, AHEAD, fresh=FRESH),
            # Theirs are the newest of very many on the list above.
            source.watched(now, settings.attention_limit, SENTINEL, None, AHEAD, ["overdue"]),
        ]

    async def look() -> None:
        while not ended.is_set():
            began = time.monotonic()
            shot = await feed.get("board", PLACES[0].refresh_s, ask, AHEAD.total_seconds())
            if shot.value is None:
                raise SystemExit(f"the board could not be asked: {shot.error}")
            tiles, lists = shot.value
            moment = moment_of(shot, datetime.now(UTC))
            aged((datetime.now(UTC) - (shot.taken_at or shot.asked_at)).total_seconds())
            seen("tiles", next(t.at(moment).counts["overdue"] for t in tiles if t.workflow == SENTINEL))
            _, found = [await feed.run(each.rows, moment) for each in lists]
            seen("attention", len(found))
            await asyncio.sleep(max(0.0, settings.refresh_s - (time.monotonic() - began)))

    thread = threading.Thread(target=lambda: asyncio.run(look()))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        feed.close()
        source.close()


@contextmanager
def _repeating(work: Callable[[], None], every_s: float) -> Iterator[None]:
    """A thread that works, waits, works, as a loop of the core does."""
    ended = threading.Event()
    failed: list[BaseException] = []

    def go() -> None:
        while not ended.is_set():
            try:
                work()
            except BaseException as error:
                failed.append(error)
                return
            ended.wait(every_s)

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if failed:
        raise failed[0]


def _costs(
    store: Store, evaluator: Evaluator, waiting: int, closed: int, repeat: int
) -> dict[str, dict[str, float]]:
    """Milliseconds of one thing at a time."""
    numbers = iter(range(10**6, 10**9))

    def changed(count: int) -> Callable[[], object]:
        _news(store, waiting, closed, count, next(numbers))
        return lambda: evaluator.step(datetime.now(UTC))

    def asking(ask: Callable[[datetime], object]) -> Callable[[], Callable[[], object]]:
        return lambda: lambda: ask(datetime.now(UTC))

    things: dict[str, Callable[[], Callable[[], object]]] = {
        "a step, nothing new": lambda: lambda: evaluator.step(datetime.now(UTC)),
        "a step, 1 changed": lambda: changed(1),
        "a step, 100 changed": lambda: changed(100),
        "a step, 1,000 changed": lambda: changed(1000),
        "a step, 5,000 changed": lambda: changed(5000),
        "tiles": asking(lambda now: read.tiles(store, now)),
        "attention, 100 rows": asking(lambda now: read.attention(store, now)),
        "attention, at risk too": asking(lambda now: read.instances(store, MANY, now, "at_risk")),
        "on track, 100 rows": asking(lambda now: read.instances(store, MANY, now, "on_track")),
        "completed, 100 rows": asking(lambda now: read.instances(store, MANY, now, "completed")),
        "alerts' look": asking(lambda now: observe_steps(store, now, timedelta(days=1))),
        "learning chances": asking(lambda now: learn(store, MANY, 1, "America/New_York", now)),
        "counting two hours": asking(lambda now: evaluator.history.count(MANY, timedelta(days=5), now)),
    }
    found = {}
    print(f"{'one thing at a time':40}{'p50':>13}{'longest':>13}{'processor':>13}")
    for name, make in things.items():
        took, worked = [], []
        for _ in range(repeat):
            ask = make()
            began, processor = time.perf_counter(), time.process_time()
            ask()
            took.append((time.perf_counter() - began) * 1000)
            worked.append((time.process_time() - processor) * 1000)
        figures = {"p50": percentile(took, 0.5), "max": max(took), "processor": percentile(worked, 0.5)}
        found[name] = {key: round(value, 1) for key, value in figures.items()}
        print(f"{'  ' + name:40}" + "".join(f"{value:>10.1f} ms" for value in figures.values()), flush=True)
    return found


def _news(store: Store, waiting: int, closed: int, count: int, number: int) -> None:
    mine = {
        "open": waiting,
        "closed": closed,
        "count": count,
        "from": number * 7919,
        "mark": f"news {number} ",
    }
    store.command(load_sql("benchmarks", "evaluate_changes.sql"), mine)


if __name__ == "__main__":
    main()
