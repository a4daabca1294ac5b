"""`caretrail sql`: read-only SQL, asked of the running instance (the embedded engine allows one process)."""

from __future__ import annotations

import argparse
import csv
import json
import sys

from rich.console import Console
from rich.table import Table

from caretrail.client import CouldNotAsk, connect


def run(options: argparse.Namespace) -> int:
    """Print the rows. Exit code 3 when the instance does not answer or refuses the statement."""
    statement = sys.stdin.read() if options.statement == "-" else options.statement
    try:
        answer = connect(options.config).post("/api/v1/sql", {"sql": statement})
    except CouldNotAsk as error:
        print(f"caretrail sql: {error}", file=sys.stderr)
        return 3
    names, rows = answer["names"], answer["rows"]
    if options.format == "json":
        for row in rows:
            print(json.dumps(dict(zip(names, row, strict=True))))
    elif options.format == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows(rows)
    else:
        table = Table(*names, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(str(value) for value in row))
        Console(highlight=False).print(table)
    return 0
