"""How soon a new link moves a key to its journey, in a store of a hospital system's size.

    python -m benchmarks.identity --journeys 10000000 --rate 1000 --seconds 180

Fills an embedded store with journeys of four keys each, then stores messages, each with a new link, through
the views that traffic goes through while the identity resolver follows. Measures the lag from the insert to
the place being there to read, the memory, the start of another resolver, two at once that share the work as
two cores do, and whether all ends in the right places, which are known. Prints the machine and a table; the
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import itertools
import json
import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.machine import add_folder_options, machine, percentile, resident_mb, said, workplace
from benchmarks.search import SITE_KEY as SEARCH_SITE_KEY
from tracing.identity import Resolver
from tracing.identity.feed import Progress, save_progress
from tracing.store import Store, load_sql, open_store
from tracing.store.statements import split_statements

_BYTES_A_JOURNEY = 2_500
_AT_ONCE = 250_000
_SEGMENT_AGE = 0.2  # of collector.wal
_READER = "identity"
_COLUMNS = (
    *("trace_id", "span_id", "start", "interface", "message", "outcome"),
    *("key_kinds", "key_authorities", "key_tokens", "key_seals"),
)
_SAMPLE = 50
_NOW_AT = """
SELECT token, argMax(journey, version) FROM key_places WHERE token IN {tokens:Array(String)} GROUP BY token
"""
Key = tuple[str, int]


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--journeys", type=int, default=10_000_000, help="there before, four keys each")
    parser.add_argument("--rate", type=int, default=1_000, help="new links a second")
    parser.add_argument(
        "--seconds", type=float, default=180.0, help="how long, with one resolver and with two"
    )
    parser.add_argument("--every", type=float, default=0.1, help="seconds between two steps of a resolver")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--searched", action="store_true", help="the folder of --reuse was filled by benchmarks.search"
    )
    add_folder_options(parser)
    options = parser.parse_args()
    with workplace(options, "identity", options.journeys * _BYTES_A_JOURNEY) as (folder, empty):
        print(json.dumps(run(options, folder, fill=empty)))


def run(options: argparse.Namespace, folder: Path, *, fill: bool) -> dict[str, Any]:
    """Fill, follow with one resolver, then with two; print the table; return the last line's figures."""
    ran_on = machine()
    print(said(ran_on))
    with open_store(f"chdb://{folder / 'store'}") as store:
        store.migrate()
        if fill:
            began = time.perf_counter()
            _fill(store, options.journeys)
            took = time.perf_counter() - began
            print(f"{options.journeys:,} journeys, {4 * options.journeys:,} keys in {took:.0f} s", flush=True)
        if options.searched:
            _settle(store)
        past = Searched(options.journeys) if options.searched else Past()
        traffic = Traffic(past, options.journeys, random.Random(options.seed))
        before = resident_mb()
        one = _follow(store, traffic, options, resolvers=1)
        grown = resident_mb() - before
        began = time.perf_counter()
        Resolver(store).step(datetime.now(UTC))
        restart_s = time.perf_counter() - began
        two = _follow(store, traffic, options, resolvers=2)
        wrong = _wrong(store, traffic.expected)
    for name, found in (("one resolver", one), ("two at once", two)):
        print(
            f"{name:14} {found['links_per_s']:>7,.0f} links/s   lag p50 {found['lag_p50_s']:.2f} s, "
            f"p99 {found['lag_p99_s']:.2f} s, longest {found['lag_max_s']:.2f} s   "
            f"{found['steps']} steps, p50 {found['step_p50_ms']:.0f} ms   {found['processor']:.2f} cores"
        )
    print(
        f"resident {before:.0f} MB before, {grown:+.0f} MB after the first; "
        f"another starts in {restart_s:.2f} s"
    )
    print(f"{len(traffic.expected):,} new keys, {wrong} in a wrong place")
    return {
        "journeys": options.journeys,
        "keys": 4 * options.journeys,
        "rate": options.rate,
        "one": one,
        "two": two,
        "resident_mb": round(before),
        "grown_mb": round(grown),
        "restart_s": round(restart_s, 2),
        "new_keys": len(traffic.expected),
        "wrong": wrong,
        "machine": ran_on,
    }


class Past:
    """The names of what identity_fill.sql filled."""

    def token(self, key: Key) -> str:
        """Of a key of the past or a new one."""
        return hashlib.md5(f"{key[0]}:{key[1]}".encode(), usedforsecurity=False).hexdigest()

    def patient(self, journey: int) -> Key:
        """Whose journey it is."""
        return "mrn", journey // 4


class Searched(Past):
    """The names of what benchmarks.search filled: through the views, with its traces and messages."""

    def __init__(self, journeys: int) -> None:
        self._journeys = journeys

    def token(self, key: Key) -> str:
        """As search_spans.sql."""
        kind, number = key
        owner, letter = "NSH", {"mrn": "P"}.get(kind, kind[0].upper())
        if kind in ("account", "claim") and number < self._journeys and number % 10 == 9:
            owner, number = "EAST", number - (kind == "account")
        text = f"v1|journey|{kind}|{owner}|{letter}{number}"
        return hmac.digest(SEARCH_SITE_KEY, text.encode(), "sha256")[:16].hex()

    def patient(self, journey: int) -> Key:
        """Whose journey it is."""
        return "mrn", journey % max(1, self._journeys // 4)


class Traffic:
    """Messages of a busy day. expected: for every new key the visit it belongs to, by tokens."""

    def __init__(self, past: Past, journeys: int, pick: random.Random) -> None:
        self.expected: dict[str, str] = {}
        self.past = past
        self._journeys = journeys
        self._pick = pick
        self._numbers = itertools.count(time.time_ns())  # not those of an earlier run in the same store
        self._late: list[tuple[float, int]] = []

    def batch(self, count: int, at: float) -> Iterator[tuple[tuple[Key, ...], tuple[str, str] | None]]:
        """`count` messages' keys, each with a new key and the journey it must now be found in."""
        while self._late and self._late[0][0] <= at:
            number = self._late.pop(0)[1]
            yield self._known(
                ("visit", number), ("account", number), ("mrn", number % 1000), new="claim", n=number
            )
            count -= 1
        for _ in range(count):
            number, old = next(self._numbers), self._pick.randrange(self._journeys)
            chance = self._pick.random()
            if chance < 0.4:
                yield self._known(
                    ("visit", old),
                    ("order", number),
                    self.past.patient(old),
                    new="order",
                    n=number,
                    visit=old,
                )
            elif chance < 0.7:
                yield self._known(("account", old), ("claim", number), new="claim", n=number, visit=old)
            elif chance < 0.9:
                keys = ("visit", number), ("account", number), self.past.patient(old)
                yield self._known(*keys, new="account", n=number)
            else:  # the visit becomes known five seconds later
                self._late.append((at + 5, number))
                self.expected[self.past.token(("account", number))] = self.past.token(("visit", number))
                yield (("account", number), ("claim", number)), None

    @property
    def owes(self) -> bool:
        """Whether a link is still to come for a key that waits for it."""
        return bool(self._late)

    def _known(
        self, *keys: Key, new: str, n: int, visit: int | None = None
    ) -> tuple[tuple[Key, ...], tuple[str, str]]:
        place = self.past.token((new, n)), self.past.token(("visit", n if visit is None else visit))
        self.expected[place[0]] = place[1]
        return keys, place


class Watch:
    """How long places take to be there: a sample of new keys, looked for until they are where they belong."""

    def __init__(self, store: Store) -> None:
        self.lags: list[float] = []
        self._store = store
        self._waiting: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def expect(self, place: tuple[str, str], since: float) -> None:
        """Look for a key's token in a journey, that was stored at `since` (monotonic seconds)."""
        with self._lock:
            self._waiting[place[0]] = since, place[1]

    def look(self) -> int:
        """Look once; returns how many are still waited for."""
        with self._lock:
            waiting = dict(self._waiting)
        if not waiting:
            return 0
        rows = self._store.query(_NOW_AT, {"tokens": list(waiting)}).rows
        now = time.monotonic()
        for name, journey in rows:
            if journey == waiting[name][1]:
                self.lags.append(now - waiting[name][0])
                with self._lock:
                    self._waiting.pop(name, None)
        return len(waiting)


def _follow(store: Store, traffic: Traffic, options: argparse.Namespace, resolvers: int) -> dict[str, Any]:
    """Store messages for so long while resolvers follow; they have a minute more to come to an end."""
    ended = threading.Event()
    steps: list[float] = []
    failures: list[str] = []
    watch = Watch(store.handle())

    def resolve(handle: Store) -> None:
        resolver = Resolver(handle, shares=resolvers > 1)
        while not ended.is_set():
            began = time.perf_counter()
            try:
                resolver.step(datetime.now(UTC))
            except Exception as error:
                failures.append(type(error).__name__)
                raise
            steps.append(time.perf_counter() - began)
            ended.wait(options.every)

    def look() -> None:
        while not ended.is_set():
            watch.look()
            ended.wait(0.1)

    threads = [threading.Thread(target=resolve, args=(store.handle(),)) for _ in range(resolvers)]
    threads.append(threading.Thread(target=look))
    for thread in threads:
        thread.start()
    began, used = time.monotonic(), time.process_time()
    sent = _send(store, traffic, watch, options)
    took = time.monotonic() - began
    processor = (time.process_time() - used) / took
    until = time.monotonic() + 60
    while time.monotonic() < until and watch.look() and not failures:
        time.sleep(0.2)
    ended.set()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"a resolver ended with {failures[0]}")
    return {
        "links_per_s": round(sent / took),
        "lag_p50_s": round(percentile(watch.lags, 0.5), 3),
        "lag_p99_s": round(percentile(watch.lags, 0.99), 3),
        "lag_max_s": round(max(watch.lags, default=0.0), 3),
        "steps": len(steps),
        "step_p50_ms": round(percentile(steps, 0.5) * 1000),
        "processor": round(processor, 2),
    }


def _send(store: Store, traffic: Traffic, watch: Watch, options: argparse.Namespace) -> int:
    """Store what comes as the receiver's writer does: what has gathered, once the first of it has waited."""
    began, sent = time.monotonic(), 0
    while (at := time.monotonic() - began) < options.seconds or traffic.owes:
        count, at = (round(options.rate * at) - sent, at) if at < options.seconds else (0, at + 60)
        rows: list[tuple[Any, ...]] = []
        places: list[tuple[str, str]] = []
        for keys, place in traffic.batch(count, at):
            rows.append(_row(traffic.past, keys, sent + len(rows)))
            if place is not None:
                places.append(place)
        since = time.monotonic()
        store.insert("spans_in", _COLUMNS, rows)
        for place in places[::_SAMPLE]:
            watch.expect(place, since)
        sent += len(rows)
        time.sleep(_SEGMENT_AGE)
    return sent


def _row(past: Past, keys: tuple[Key, ...], number: int) -> tuple[Any, ...]:
    tokens = [past.token(key) for key in keys]
    kinds = [key[0] for key in keys]
    message = {"visit": "ADT^A08", "account": "DFT^P03"}[kinds[0]]
    now = datetime.now(UTC)
    span_id = hashlib.md5(f"{number}:{now}".encode(), usedforsecurity=False).hexdigest()[:16]
    blank = [""] * len(keys)
    return tokens[0], span_id, now, "ehr-adt", message, "accepted", kinds, ["NSH"] * len(keys), tokens, blank


def _fill(store: Store, journeys: int) -> None:
    stored = datetime.now(UTC) - timedelta(days=30)
    for first in range(0, journeys, _AT_ONCE):
        chunk = {"from": first, "count": min(_AT_ONCE, journeys - first), "stored": stored}
        for statement in split_statements(load_sql("benchmarks", "identity_fill.sql")):
            store.command(statement, chunk)
    _settle(store)


def _settle(store: Store) -> None:
    """As a store that has been there for a month: what is older than a day is one part, all is resolved."""
    store.command("OPTIMIZE TABLE key_facts FINAL")
    save_progress(store, _READER, Progress(datetime.now(UTC)))


def _wrong(store: Store, expected: dict[str, str]) -> int:
    names = list(expected)
    wrong = 0
    for first in range(0, len(names), 5_000):
        chunk = names[first : first + 5_000]
        found = dict(store.query(_NOW_AT, {"tokens": chunk}).rows)
        wrong += sum(found.get(name) != expected[name] for name in chunk)
    return wrong


if __name__ == "__main__":
    main()
