"""How `caretrail workflow` reaches the store: over the REST API of the running instance, or by itself.

A running core has the embedded store to itself, so it is asked; when none runs, the store is opened here,
under the same lock. Used by the actions that need history. Both ways answer with the same JSON.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

from caretrail.client import CouldNotAsk, NobodyAnswers, connect
from caretrail.instance import CannotStart, find_config, lock, prepare_folder
from caretrail.settings import load
from dashboard import audit
from dashboard.api import Model
from dashboard.workbench import StoreWorkbench
from tracing.store import StoreError, open_store

COULD_NOT_ASK = 3
#: Weeks of history take their time.
_PATIENCE_S = 3600.0


class Direct:
    """The store, when no instance runs: the questions, and the audit."""

    def __init__(self, workbench: StoreWorkbench, record: Callable[[audit.Look], None]) -> None:
        self.workbench = workbench
        self.record = record
        self.now = datetime.now(UTC)

    def note(self, action: str, why: str) -> None:
        """Write down who does this, before it is done."""
        self.record(audit.Look(self.now, getpass.getuser(), "admin", action, "", why, "command line"))


def asked(
    options: argparse.Namespace,
    path: str,
    body: dict[str, Any] | None,
    directly: Callable[[Direct], Model],
) -> dict[str, Any] | None:
    """The JSON of an answer: GET without a body, POST with one. None: why not was said."""
    name = f"caretrail workflow {options.action}"
    try:
        try:
            client = connect(options.config, options.url, _PATIENCE_S)
            answer = client.get(path) if body is None else client.post(path, body)
        except NobodyAnswers:
            if options.url:
                raise
            with _opened(options.config) as direct:
                answer = directly(direct).model_dump(mode="json")
    except (CouldNotAsk, CannotStart, StoreError, LookupError, ValueError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return None
    return dict(answer)


def printed(options: argparse.Namespace, answer: dict[str, Any]) -> bool:
    """Prints the answer as JSON if that is wanted."""
    if options.json:
        json.dump(answer, sys.stdout, indent=2)
        print()
    return bool(options.json)


@contextmanager
def _opened(config: str | None) -> Iterator[Direct]:
    configuration = load(find_config(config))
    with ExitStack() as stack:
        if (folder := configuration.store_folder) is not None:
            stack.enter_context(lock(prepare_folder(folder.parent), f"{folder.name}.lock"))
            # The embedded engine keeps compiled schemas in the working directory, whatever it is told.
            before = os.getcwd()
            os.chdir(prepare_folder(folder))
            stack.callback(os.chdir, before)
        store = stack.enter_context(open_store(configuration.store_url))
        store.migrate()
        workbench = StoreWorkbench(lambda: store, configuration.settings.site.timezone)
        yield Direct(workbench, lambda look: audit.record(store, [look]))
