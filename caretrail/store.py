"""`caretrail store migrate|ddl|check`: the tables, brought up to date, printed, or compared."""

from __future__ import annotations

import argparse

from caretrail.instance import find_config
from caretrail.settings import load
from tracing.store import open_store
from tracing.store.migrate import rendered


def run(options: argparse.Namespace) -> int:
    """Exit code 1 when `check` finds a difference."""
    if options.action == "ddl":
        print(rendered("caretrail" if options.engine == "cluster" else None))
        return 0
    store = open_store(load(find_config(options.config)).store_url)
    try:
        if options.action == "migrate":
            for name in store.migrate():
                print(f"applied {name}")
            print("up to date")
            return 0
        differences = store.check()
        for line in differences:
            print(line)
        print("differs" if differences else "as it should be")
        return 1 if differences else 0
    finally:
        store.close()
