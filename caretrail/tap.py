"""`caretrail tap`: the taps of one machine until SIGTERM. Imports nothing of the core."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal

import uvloop

from caretrail.instance import CannotStart, find_config
from caretrail.parent import follow
from caretrail.settings import load


def run(options: argparse.Namespace) -> int:
    """Raises CannotStart without interfaces, or when a port is taken."""
    from collector.taps.config import TapConfigError
    from collector.taps.run import run_taps
    from collector.taps.sender import EndpointError
    from collector.taps.spool import SpoolError
    from tracing.context import SiteKey, SiteKeyError

    configuration = load(find_config(options.config))
    taps = configuration.settings.taps
    if not taps.interfaces:
        raise CannotStart("no interfaces: name at least one under taps.interfaces")
    site = configuration.settings.site
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        spool = configuration.path(taps.spool)
        await run_taps(
            taps.interfaces,
            site_key,
            taps.endpoint,
            spool,
            stop,
            site=site.id,
            spool_cap_bytes=taps.spool_limit,
        )

    follow(lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        site_key = SiteKey.load(configuration.path(site.key_file))
        uvloop.run(serve())
    except (TapConfigError, SpoolError, EndpointError, SiteKeyError) as error:
        raise CannotStart(str(error)) from None
    return 0
