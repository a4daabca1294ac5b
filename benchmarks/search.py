"""How long it takes to find an encounter by any identifier, and to read it, in a store of many spans.

    python -m benchmarks.search --spans 50000000

Fills an embedded store through the views that traffic goes through (five messages a journey, two months),
then asks what `POST /api/v1/journeys/search` asks, for random numbers: warm, and with the caches of engine
and system emptied before each. Processor time is of all threads; where it is far below the time, others kept
the machine busy. Prints the machine and a table; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import add_folder_options, machine, percentile, resident_mb, said, workplace
from dashboard import lookup
from dashboard.source import StoreSource
from slo.workflows import activate, define
from tracing.context import SiteKey
from tracing.keys import Key, Sealer
from tracing.store import Store, StoreRefused, load_sql, open_store

PACKS = Path(__file__).parents[1] / "workflows"
END = datetime(2026, 11, 1, tzinfo=UTC)
HOPS = 5
_BYTES_A_SPAN = 450  # with what merges need for a while
_AT_ONCE = 200_000
#: Of which a store that lives merges all that is older than a day.
_DAILY = ("keys", "key_places", "journey_members", "trace_outlines", "derived_traces", "message_places")
SITE_KEY = bytes(range(32))


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--spans", type=int, default=50_000_000, help="with --reuse: what is missing is filled"
    )
    parser.add_argument("--days", type=int, default=60, help="days over which they are spread")
    parser.add_argument("--picks", type=int, default=200, help="searches of each kind, warm")
    parser.add_argument("--cold-picks", type=int, default=10, help="searches of each kind, cold")
    parser.add_argument("--seed", type=int, default=1)
    add_folder_options(parser)
    options = parser.parse_args()
    with workplace(options, "search", options.spans * _BYTES_A_SPAN) as (folder, empty):
        print(json.dumps(run(options, folder, fill=empty)))


def run(options: argparse.Namespace, folder: Path, *, fill: bool) -> dict[str, Any]:
    """Fill, measure, print the table; returns the figures of the last line."""
    ran_on = machine()
    print(said(ran_on))
    with open_store(f"chdb://{folder / 'store'}") as store:
        store.migrate()
        if fill:
            activate(store, define(PACKS / "discharge-to-cash.yaml"), END)
        journeys = max(1_000, options.spans // HOPS)
        took = _fill(store, journeys, options.days)
        parts, stored = _settled(store)
        print(
            f"{journeys * HOPS:,} spans of {journeys:,} journeys over {options.days} days in {took:.0f} s; "
            f"{parts} parts of spans, {stored / journeys / HOPS:.0f} bytes a span in all tables"
        )
        questions = _questions(store, journeys, random.Random(options.seed))
        found: dict[str, dict[str, float]] = {}
        print(
            f"{'':32}"
            + "".join(f"{heading:>12}" for heading in ("p50", "p99", "processor", "cold p50", "max"))
        )
        for name, ask in questions.items():
            cold = [_timed(ask, lambda: _chill(store, folder)) for _ in range(options.cold_picks)]
            for _ in range(10):
                ask()
            before = time.process_time()
            warm = [_timed(ask) for _ in range(options.picks)]
            processor = (time.process_time() - before) * 1000 / options.picks
            found[name] = {
                "p50_ms": round(percentile(warm, 0.5), 1),
                "p99_ms": round(percentile(warm, 0.99), 1),
                "processor_ms": round(processor, 1),
                "cold_p50_ms": round(percentile(cold, 0.5), 1),
                "cold_max_ms": round(max(cold, default=0.0), 1),
            }
            print(f"{name:32}" + "".join(f"{value:>9.1f} ms" for value in found[name].values()))
        return {
            "spans": journeys * HOPS,
            "journeys": journeys,
            "days": options.days,
            "filled_s": round(took),
            "parts": parts,
            "bytes_a_span": round(stored / journeys / HOPS, 1),
            "resident_mb": round(resident_mb()),
            "searches": found,
            "machine": ran_on,
        }


def _fill(store: Store, journeys: int, days: int) -> float:
    """Fill what is missing: a fill that was broken off goes on with the chunk it was at."""
    began = time.perf_counter()
    numbers = {
        "site_key": SITE_KEY.hex(),
        "patients": max(1, journeys // 4),
        "begin": int(END.timestamp()) - (days + 5) * 86_400,
        "lasts": days * 86_400,
        "journeys": journeys,
    }
    [(there,)] = store.query("SELECT count() FROM spans").rows
    if there // HOPS >= journeys:
        return 0.0
    for first in range(there // HOPS // _AT_ONCE * _AT_ONCE, journeys, _AT_ONCE):
        chunk = numbers | {"from": first, "count": min(_AT_ONCE, journeys - first)}
        for name in ("search_spans.sql", "search_places.sql", "search_instances.sql"):
            store.command(load_sql("benchmarks", name), chunk)
        if first and first % (10 * _AT_ONCE) == 0:
            print(f"  {first * HOPS:,} spans after {time.perf_counter() - began:.0f} s", flush=True)
    for table in ("spans", "instances"):
        _merge_old(store, table)
    for table in _DAILY:
        store.command(f"OPTIMIZE TABLE {table} FINAL")
    return time.perf_counter() - began


def _merge_old(store: Store, table: str) -> None:
    """What four hours do in a store that lives: all partitions but the newest become one part each."""
    sql = "FROM system.parts WHERE active AND database = currentDatabase() AND table = {table:String}"
    partitions = store.query(f"SELECT DISTINCT partition_id {sql} ORDER BY 1", {"table": table}).rows
    for (partition,) in partitions[:-1]:
        store.command(f"OPTIMIZE TABLE {table} PARTITION ID '{partition}' FINAL")


def _settled(store: Store, patience_s: float = 300.0) -> tuple[int, int]:
    """Parts of spans and bytes of everything, when the engine has no merge running any more."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until and store.query("SELECT count() FROM system.merges").rows[0][0]:
        time.sleep(1)
    sql = "FROM system.parts WHERE active AND database = currentDatabase()"
    [(parts,)] = store.query(f"SELECT count() {sql} AND table = 'spans'").rows
    [(stored,)] = store.query(f"SELECT sum(bytes_on_disk) {sql}").rows
    return parts, stored


def _questions(store: Store, journeys: int, pick: random.Random) -> dict[str, Callable[[], None]]:
    source, sealer = StoreSource(store), Sealer(SiteKey(SITE_KEY))

    numbers = [pick.randrange(journeys) for _ in range(1_000)]
    sql = "SELECT lower(hex(sipHash64('span', toUInt64(arrayJoin({numbers:Array(UInt64)})), toUInt8(0))))"
    spans = [row[0].rjust(16, "0") for row in store.query(sql, {"numbers": numbers}).rows]

    def search(make: Callable[[int], list[str]], kind: str | None = None) -> Callable[[], None]:
        def ask() -> None:
            outcome = lookup.search(source, sealer, make(pick.randrange(journeys)), END, kind)
            found = source.outlines(outcome.journeys[:100], END)
            if not found:
                raise SystemExit("a number that is there was not found")

        return ask

    def only_found() -> None:
        number = f"V{pick.randrange(journeys)}"
        if not lookup.search(source, sealer, [number], END).hits:
            raise SystemExit("a number that is there was not found")

    def encounter() -> None:
        journey = source.journey(sealer.token(Key("visit", "NSH", f"V{pick.randrange(journeys)}")), END)
        if journey is None or not journey.workflows:
            raise SystemExit("an encounter that is there was not read")

    return {
        "patient (MRN), 4 encounters": search(lambda n: [f"P{n // 4}"]),
        "visit": search(lambda n: [f"V{n}"]),
        "account, ambiguous": search(lambda n: [f"A{n // 10 * 10 + 8}"]),
        "order": search(lambda n: [f"O{n // 50 * 50}"]),
        "claim": search(lambda n: [f"C{n // 10 * 10}"]),
        "control ID": search(lambda n: [f"E{10_000_000_000 + n}"]),
        "span ID": search(lambda n: [spans[n % len(spans)]]),
        "trace ID": search(lambda n: [sealer.token(Key("visit", "NSH", f"V{n}"))]),
        "visit, kind given": search(lambda n: [f"V{n}"], "visit"),
        "visit, matches only": only_found,
        "pasted list of 50": search(_list),
        "one encounter, read": encounter,
    }


def _list(first: int) -> list[str]:
    return [f"{'VAOC'[number % 4]}{(first + number * 7919) // 50 * 50}" for number in range(50)]


def _timed(ask: Callable[[], None], before: Callable[[], None] | None = None) -> float:
    if before is not None:
        before()
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def _chill(store: Store, folder: Path) -> None:
    """Empty what the engine and the system keep of the files, as far as one may."""
    for cache in ("MARK", "UNCOMPRESSED", "QUERY"):
        try:
            store.command(f"SYSTEM DROP {cache} CACHE")
        except StoreRefused:
            continue
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                handle = os.open(os.path.join(base, name), os.O_RDONLY)
            except OSError:
                continue  # merged away since
            try:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


if __name__ == "__main__":
    main()
