"""The command line of the synthetic hospital: `python -m simulator history …` and `… live --config FILE`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from simulator import history
from simulator.config import Config, ConfigError, IdentityRates, load, seconds
from simulator.live import live, prepare
from simulator.roads import PROCESSES


def main(arguments: list[str] | None = None) -> int:
    """0 fine, 2 a configuration, address or folder that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    past = commands.add_parser("history", help="write the recording and the truth of past weeks")
    past.add_argument("--recording", type=Path, required=True)
    past.add_argument("--truth", type=Path, required=True)
    past.add_argument("--seed", type=int, default=1)
    past.add_argument("--days", type=float, default=30)
    past.add_argument("--end", help="ISO 8601 with offset; now if missing")
    past.add_argument("--rate", type=float, default=60, help="discharges per day")
    past.add_argument("--examples", action="store_true", help="plan deadlines that pass just after the end")
    past.add_argument(
        "--identity", action="store_true", help="get identity wrong in every way, see README.md"
    )
    past.add_argument("--processes", default="none", help="names of README.md, comma separated; all; none")
    present = commands.add_parser("live", help="run the hospital on loopback until interrupted")
    present.add_argument("--config", type=Path, required=True, help="JSON, see simulator/README.md")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "history":
            _history(chosen)
        else:
            _live(load(chosen.config, time.time()))
    except (ConfigError, OSError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 2
    return 0


def _history(chosen: argparse.Namespace) -> None:
    end = seconds(chosen.end) if chosen.end else time.time()
    start = datetime.fromtimestamp(end, UTC) - timedelta(days=chosen.days)
    written = history.write(
        chosen.recording,
        chosen.truth,
        chosen.seed,
        start,
        end,
        rate=chosen.rate,
        examples=chosen.examples,
        identity=IdentityRates.everything() if chosen.identity else None,
        processes=_processes(chosen.processes),
    )
    print(f"{written.encounters} encounters, {written.hops} hops in {chosen.recording}")


def _processes(text: str) -> tuple[str, ...]:
    if text in ("all", "none"):
        return PROCESSES if text == "all" else ()
    return tuple(name.strip() for name in text.split(","))


def _live(config: Config) -> None:
    prepared = prepare(config)

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        opened = asyncio.get_running_loop().create_future()
        opened.add_done_callback(lambda _: _announce(config))
        await live(config, prepared, stop, opened)

    asyncio.run(run())


def _announce(config: Config) -> None:
    print(
        f"Hospital is open: engine {config.engine_listen}, billing {config.billing_listen}, "
        f"ERP {config.erp_listen}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
