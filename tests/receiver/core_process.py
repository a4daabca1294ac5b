"""Receiver, log, writer and embedded store in one process, as the core wires them; run by the loss tests.

`python core_process.py FOLDER [PORT]` prints its port, then serves until it is killed, or, when its standard
input is closed, drains the log and prints what is stored.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from collector.receiver import create_app, serve_http
from collector.wal import Wal, Writer
from tracing.store import open_store


def main(folder: Path, port: int) -> None:
    with open_store(f"chdb://{folder / 'store'}") as store:
        store.migrate()
        # Small segments, so that a kill meets them in every state.
        wal = Wal(folder / "wal", segment_bytes=20_000, segment_age=0.02, reserve_bytes=0)
        writer = Writer(wal, store)
        writer.start()
        server = serve_http(create_app(wal), "127.0.0.1", port)
        print(json.dumps({"port": server.port}), flush=True)
        sys.stdin.read()
        server.stop()
        drained = writer.stop(drain=60)
        refused = len(wal.status().refused)
        wal.close()
        rows = store.query("SELECT span_id, count() FROM spans GROUP BY span_id").rows
        print(json.dumps({"drained": drained, "refused": refused, "spans": dict(rows)}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
