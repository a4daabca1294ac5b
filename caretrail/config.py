"""`caretrail config check|schema|key`: settings checked, their JSON schema, a new site key."""

from __future__ import annotations

import argparse
import json
import secrets

from caretrail.instance import find_config
from caretrail.settings import Settings, load


def run(options: argparse.Namespace) -> int:
    """Raises DocumentError or CannotStart for `check`; the others only print."""
    if options.action == "schema":
        print(json.dumps(Settings.model_json_schema(), indent=2))
    elif options.action == "key":
        print(secrets.token_hex(32))
    else:
        path = find_config(options.config)
        configuration = load(path)
        count = len(configuration.settings.interfaces)
        print(f"{path}: fine ({count} interfaces, {len(configuration.settings.workflows)} workflows)")
    return 0
