"""`caretrail login`: a new one-time link to the pages of the running instance."""

from __future__ import annotations

import argparse
import sys

from caretrail.client import CouldNotAsk, connect


def run(options: argparse.Namespace) -> int:
    """Print the link. Exit code 3 when the instance does not answer."""
    try:
        print(connect(options.config).post("/api/v1/login", {})["link"])
    except CouldNotAsk as error:
        print(f"caretrail login: {error}", file=sys.stderr)
        return 3
    return 0
