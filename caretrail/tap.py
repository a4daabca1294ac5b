"""`caretrail tap`: the taps of one machine until SIGTERM. Imports nothing of the core."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal

from caretrail.instance import CannotStart, find_config
from caretrail.parent import follow
from caretrail.settings import load


def run(options: argparse.Namespace) -> int:
    """Raises CannotStart without interfaces, or when a port is taken."""
    from collector.taps.run import run_taps
    from tracing.context import SiteKey

    configuration = load(find_config(options.config))
    taps = configuration.settings.taps
    if not taps.interfaces:
        raise CannotStart("no interfaces: name at least one under taps.interfaces")
    site_key = SiteKey.load(configuration.path(configuration.settings.site.key_file))

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await run_taps(taps.interfaces, site_key, taps.endpoint, configuration.path(taps.spool), stop)

    follow(lambda: os.kill(os.getpid(), signal.SIGTERM))
    asyncio.run(serve())
    return 0
