"""The processes of the ingest benchmark: the core that stores, the sender, and the Python reference.

Started by `benchmarks.ingest` with `--role`; each prints one JSON object as its last line.
"""

from __future__ import annotations

import argparse
import gzip
import json
import mmap
import queue
import resource
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.ingest_bodies import RECORD

PACKS = Path(__file__).resolve().parent.parent / "workflows"


def bodies(folder: Path) -> Iterator[tuple[memoryview, int]]:
    """(body, spans in it) of the prepared file, without copying."""
    with open(folder / "bodies", "rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    at = 0
    while at < len(data):
        length, spans = RECORD.unpack_from(data, at)
        at += RECORD.size
        yield data[at : at + length], spans
        at += length


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _resident_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _store(path: Path, workflows: int) -> str:
    """A fresh store with everything in it that a running site has; its URL."""
    from slo.workflows.activate import activate
    from tracing.store import open_store

    path.mkdir(parents=True)
    url = f"chdb://{path}"
    with open_store(url) as store:
        store.migrate()
        packs = [pack.read_text() for pack in sorted(PACKS.glob("*.yaml"))]
        for number in range(workflows):
            text = packs[number % len(packs)]
            name = next(line.split()[1] for line in text.splitlines() if line.startswith("  name:"))
            copy = text.replace(f"  name: {name}\n", f"  name: {name}-{number}\n", 1)
            activate(store, copy, datetime.now(UTC))
    return url


def core(options: argparse.Namespace) -> None:
    """Receiver, log and writer on the embedded store, as the core process wires them."""
    from collector.receiver import create_app, serve_http
    from collector.wal import Wal, Writer
    from tracing.store import open_store

    folder: Path = options.folder / "core"
    url = _store(folder / "store", options.workflows)
    total = sum(spans for _, spans in bodies(options.folder))
    with open_store(url) as store:
        wal = Wal(folder / "wal", segment_bytes=options.segment_mib << 20, limit_bytes=4 << 30)
        writer = Writer(wal, store, threads=options.threads)
        writer.start()
        server = serve_http(create_app(wal, writer=writer), "127.0.0.1", 0)
        before = _cpu_seconds()
        print(json.dumps({"port": server.port}), flush=True)
        needed = sum(1 for _ in bodies(options.folder))
        while writer.status().bodies < needed:
            time.sleep(0.005)
        stored_at = time.time()
        used = _cpu_seconds() - before
        server.stop()
        writer.stop()
        status = wal.status()
        wal.close()
        rows = store.query("SELECT uniqExact(span_id) FROM spans").rows[0][0]
        checkpoints = store.query("SELECT count() FROM checkpoints").rows[0][0]
        for table in ("spans", "keys", "key_facts", "checkpoints", "interface_minute"):
            store.command(f"OPTIMIZE TABLE {table} FINAL")
        sizes = dict(
            store.query(
                "SELECT table, sum(bytes_on_disk) FROM system.parts "
                "WHERE active AND database = currentDatabase() GROUP BY table"
            ).rows
        )
    print(
        json.dumps(
            {
                "stored_at": stored_at,
                "rows": rows,
                "total": total,
                "segments": writer.status().segments,
                "cpu_seconds": used,
                "resident_mb": _resident_mb(),
                "checkpoints": checkpoints,
                "spans_bytes": sizes["spans"],
                "all_bytes": sum(sizes.values()),
                "refused": len(status.refused),
            }
        )
    )


def send(options: argparse.Namespace) -> None:
    """Posts every body over a few connections, as taps do; comes again when it is told to."""
    waiting: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
    for body, _ in bodies(options.folder):
        waiting.put(memoryview(gzip.compress(body, 1)) if options.gzip else body)
    for _ in range(options.connections):
        waiting.put(None)
    took: list[float] = []
    again = [0]
    encoding = b"Content-Encoding: gzip\r\n" if options.gzip else b""

    def work() -> None:
        with socket.create_connection(("127.0.0.1", options.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (body := waiting.get()) is not None:
                head = (
                    b"POST /v1/traces HTTP/1.1\r\nHost: core\r\nContent-Type: application/x-protobuf\r\n"
                    + encoding
                    + b"Content-Length: %d\r\n\r\n" % len(body)
                )
                while True:
                    began = time.perf_counter()
                    connection.sendall(head)
                    connection.sendall(body)
                    answer = connection.recv(65536)
                    took.append(time.perf_counter() - began)
                    if answer.startswith(b"HTTP/1.1 200"):
                        break
                    if not answer.startswith((b"HTTP/1.1 503", b"HTTP/1.1 429")):
                        raise SystemExit(f"the receiver answered {answer[:200]!r}")
                    again[0] += 1
                    time.sleep(0.2)

    first_at = time.time()
    before = _cpu_seconds()
    threads = [threading.Thread(target=work) for _ in range(options.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took.sort()
    print(
        json.dumps(
            {
                "first_at": first_at,
                "seconds": time.time() - first_at,
                "cpu_seconds": _cpu_seconds() - before,
                "post_p50_ms": took[len(took) // 2] * 1e3,
                "post_p99_ms": took[len(took) * 99 // 100] * 1e3,
                "again": again[0],
            }
        )
    )


def python(options: argparse.Namespace) -> None:
    """The same bodies decoded in Python and inserted by column, with as many threads."""
    from benchmarks.ingest_python import run

    print(json.dumps(run(options, _store(options.folder / "python" / "store", options.workflows))))
