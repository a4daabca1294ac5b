"""`caretrail config check|schema|key|rotate`: settings checked, their JSON schema, a new site key."""

from __future__ import annotations

import argparse
import json
import secrets

from caretrail.instance import CannotStart, find_config
from caretrail.settings import Settings, load
from tracing.context import SiteKey, SiteKeyError


def run(options: argparse.Namespace) -> int:
    """Raises DocumentError or CannotStart for `check`; the others only print."""
    if options.action == "schema":
        print(json.dumps(Settings.model_json_schema(), indent=2))
    elif options.action == "key":
        print(secrets.token_hex(32))
    elif options.action == "rotate":
        configuration = load(find_config(options.config))
        path = configuration.path(configuration.settings.site.key_file)
        try:
            count = 1 + len(SiteKey.rotate(path).earlier)
        except SiteKeyError as error:
            raise CannotStart(str(error)) from None
        print(f"{path}: {count} keys; copy it to every tap and the core, then restart them")
    else:
        path = find_config(options.config)
        configuration = load(path)
        count = len(configuration.settings.interfaces)
        print(f"{path}: fine ({count} interfaces, {len(configuration.settings.workflows)} workflows)")
    return 0
