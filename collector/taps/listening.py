"""Listening where another process may have listened until just now.

Called by every tap that listens, so that a tap can be replaced in the middle of the day. It must never share
an address with another process: half of the senders would then reach the wrong receiver.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource
from collections.abc import Awaitable, Callable
from contextlib import suppress

from collector.taps.config import TapConfigError, parse_address

log = logging.getLogger("caretrail.tap")

HANDOVER_SECONDS = 5.0
RETRY_SECONDS = 0.05


async def listening(
    name: str, listen: str, start: Callable[[str, int], Awaitable[tuple[str, int]]]
) -> tuple[str, int]:
    """Call `start` with host and port until it can listen; the address that was bound.

    An address that is taken is tried again for a while: a tap that is being replaced gives it up at once, and
    then drains. Raises `TapConfigError`.
    """
    address = parse_address(listen)
    _allow_many_connections()
    loop = asyncio.get_running_loop()
    end = loop.time() + HANDOVER_SECONDS
    said = False
    while True:
        try:
            return await start(address.host, address.port)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if taken and loop.time() < end:
                if not said:
                    said = True
                    log.warning("interface %s: %s is taken; waiting for it", name, listen)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise TapConfigError(f"interface {name!r}: listen: cannot use {listen}: {why}") from error


def _allow_many_connections() -> None:
    """Two descriptors a connection: the usual limit of 1,024 is for programs with few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
