"""`caretrail tap`: the taps of one machine until SIGTERM. Imports nothing of the core.

With a kind (`caretrail tap mllp --listen …`) it needs no settings file. SIGHUP reads the settings file again:
what has not changed, connections included, notices nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import uvloop

from caretrail import tap_page
from caretrail.instance import CannotStart, find_config
from caretrail.parent import follow
from caretrail.settings import Configuration, Settings, load, split_address
from collector.taps.config import AnyInterface, TapConfigError, load_interfaces
from tracing.authorities import Authorities
from tracing.context import SiteKey, SiteKeyError
from tracing.documents import DocumentError

log = logging.getLogger("caretrail.tap")

# Option of the command line: key of the interface.
_KEYS = {
    "listen": "listen",
    "forward": "upstream",
    "path": "path",
    "interface": "name",
    "source": "source",
    "destination": "destination",
    "facility": "facility",
    "authority": "authority",
}


def run(options: argparse.Namespace) -> int:
    """Raises CannotStart without interfaces, with options that do not fit, or when a port is taken."""
    from collector.taps.sender import EndpointError
    from collector.taps.spool import SpoolError

    configuration = _alone(options) if options.kind else load(find_config(options.config))
    settings = configuration.settings
    if not settings.interfaces:
        raise CannotStart(
            "no interfaces: name at least one under interfaces, or say caretrail tap mllp --help"
        )
    # Paths inside interfaces (folders, certificates, secrets) begin where the settings file is.
    os.chdir(configuration.folder)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    follow(lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        site_key = SiteKey.load(configuration.path(settings.site.key_file))
        uvloop.run(_serve(configuration, site_key))
    except (TapConfigError, SpoolError, EndpointError, SiteKeyError) as error:
        raise CannotStart(str(error)) from None
    return 0


async def _serve(configuration: Configuration, site_key: SiteKey) -> None:
    from collector.taps.run import Taps, run_taps

    stop = asyncio.Event()
    reloads: asyncio.Queue[Iterable[AnyInterface]] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: _reread(configuration, reloads))
    settings = configuration.settings
    taps = Taps(
        settings.interfaces,
        site_key,
        settings.taps.endpoint,
        configuration.path(settings.taps.spool),
        site=settings.site.id,
        spool_cap_bytes=settings.taps.spool_limit,
        spool_max_age_seconds=settings.taps.spool_days * 86400,
        memory_bytes=settings.taps.memory_limit,
        authorities=Authorities(settings.identity),
        zone=ZoneInfo(settings.site.timezone),
    )
    page = None
    if settings.taps.metrics is not None:
        host, port = split_address(settings.taps.metrics)
        try:
            page = await tap_page.serve(host, port, taps.exposition)
        except OSError as error:
            raise CannotStart(f"taps.metrics: cannot use {settings.taps.metrics}: {error.strerror}") from None
    try:
        await run_taps(taps, stop, reloads=reloads)
    finally:
        if page is not None:
            page.close()


def _reread(configuration: Configuration, reloads: asyncio.Queue[Iterable[AnyInterface]]) -> None:
    """Take the interfaces of the settings file as it is now; everything else in it needs a restart."""
    if configuration.file is None:
        log.warning("there is no settings file to read again")
        return
    try:
        found = load(configuration.file).settings
    except DocumentError as error:
        log.error("the settings are not taken: %s", error)
        return
    if not found.interfaces:
        log.error("the settings are not taken: they name no interfaces (stop the tap to watch none)")
        return
    if configuration.settings.model_copy(update={"interfaces": found.interfaces}) != found:
        log.warning("only interfaces are taken from the changed settings; the rest needs a restart")
    reloads.put_nowait(found.interfaces)


def _alone(options: argparse.Namespace) -> Configuration:
    """Settings of one interface, from the command line. Raises CannotStart."""
    item: dict[str, Any] = {"kind": options.kind}
    for option, key in _KEYS.items():
        given = getattr(options, option)
        if given is not None:
            item[key] = f"0.0.0.0{given}" if option == "listen" and given.startswith(":") else given
    for key in ("name", "source", "destination"):
        item.setdefault(key, options.kind if key == "name" else "unknown")
    if options.kind == "http" and "://" not in str(item.get("upstream", "://")):
        item["upstream"] = f"http://{item['upstream']}"
    try:
        (interface,) = load_interfaces([item])
    except TapConfigError as error:
        raise CannotStart(str(error)) from None
    base = Settings()
    taps = base.taps.model_copy(
        update={"endpoint": options.otlp, "spool": Path(options.spool), "metrics": options.metrics}
    )
    site = base.site.model_copy(update={"id": options.site, "key_file": Path(options.key_file)})
    settings = base.model_copy(update={"taps": taps, "site": site, "interfaces": (interface,)})
    return Configuration(settings=settings, folder=Path.cwd())
