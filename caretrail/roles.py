"""`caretrail up`, `collector`, `evaluate`, `dashboard`: a process that plays one or all of the core's roles.

Called by the command line. With the embedded engine all roles must share a process (it allows one per data
folder), so the single roles ask for a server. Ends on SIGTERM or SIGINT with everything accepted kept.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

from caretrail.core import Core
from caretrail.instance import CannotStart, find_config, prepare_folder
from caretrail.parent import follow
from caretrail.settings import load

_ROLES = {
    "up": frozenset({"collector", "evaluate", "dashboard"}),
    "collector": frozenset({"collector"}),
    "evaluate": frozenset({"evaluate"}),
    "dashboard": frozenset({"dashboard"}),
}


def run(options: argparse.Namespace) -> int:
    """Start, say so in one line, wait for the end."""
    configuration = load(find_config(options.config))
    roles = _ROLES[options.command]
    if options.command != "up" and configuration.store_url.startswith("chdb:"):
        raise CannotStart(
            f"the embedded engine allows one process, so `{options.command}` alone cannot use "
            f"{configuration.settings.store.url}: "
            "run `caretrail up`, or name a ClickHouse server in store.url"
        )
    if (store := configuration.store_folder) is not None:
        # The embedded engine keeps compiled schemas in the working directory, whatever it is told.
        os.chdir(prepare_folder(store))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    follow(ended.set)
    core = Core(configuration, roles)
    core.start()
    try:
        print(f"caretrail {options.command}: {core.describe()}", file=sys.stderr, flush=True)
        ended.wait()
    finally:
        core.stop()
    return 0
