"""What a tap tells about itself: Prometheus' page, and once a minute a span per interface to the collector.

Called by `run`. It must never carry anything of a message: names of interfaces and numbers only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from collector.taps.clock import Reading
from tracing import attributes as names
from tracing import spans

SCOPE_NAME = "caretrail.tap.status"
_PROCESS = ("spool", "sender")
_GAUGES = frozenset({"open", "waiting_bytes", "last_success"})

Counters = Mapping[str, Mapping[str, Any]]


def exposition(counters: Counters) -> str:
    """The page of a tap process (Prometheus text format 0.0.4), from `Taps.counters()`."""
    families: dict[str, list[str]] = {}
    for owner, found in counters.items():
        for name, value in found.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            kind = "gauge" if name in _GAUGES else "counter"
            suffix = "" if kind == "gauge" else "_total"
            if owner in _PROCESS:
                family, label = f"caretrail_tap_{owner}_{name}{suffix}", ""
            else:
                family, label = f"caretrail_tap_{name}{suffix}", f'{{interface="{owner}"}}'
            lines = families.setdefault(family, [f"# TYPE {family} {kind}"])
            lines.append(f"{family}{label} {value}")
    return "".join(line + "\n" for lines in families.values() for line in lines)


def status_spans(
    instance: str, kinds: Mapping[str, str], counters: Counters, now_ns: int, clock: Reading | None = None
) -> list[bytes]:
    """A Span field per interface: what it did since the process started, and the process's own spool.

    `clock` is what the last minute's requests said of this machine's. `kinds` names the kind of each
    interface. All of one process have one trace, so that they lie together.
    """
    trace = hashlib.sha256(b"status|" + instance.encode()).digest()[:16]
    spool, sender = counters["spool"], counters["sender"]
    shared: dict[str, spans.AttributeValue] = {
        names.STATUS_WAITING: int(spool["waiting_bytes"]),
        names.STATUS_DROPPED: sum(int(spool[name]) for name in spool if name.startswith("dropped_")),
        names.STATUS_REFUSED: int(sender["refused"]) + int(sender["rejected"]),
    }
    if clock is not None:
        shared |= {
            names.STATUS_CLOCK_AHEAD: clock.ahead_ms,
            names.STATUS_CLOCK_WITHIN: clock.within_ms,
            names.STATUS_CLOCK_SAMPLES: clock.samples,
        }
    encoded = []
    for name, kind in kinds.items():
        found = counters.get(name, {})
        described = shared | {
            names.STATUS_INTERFACE: name,
            names.STATUS_KIND: kind,
            names.STATUS_UNSEEN: int(found.get("unseen", 0)),
            names.STATUS_SEEN: seen(found),
        }
        identity = hashlib.sha256(f"{instance}|{name}|{now_ns}".encode()).digest()[:8]
        attributes = b"".join(spans.attribute(key, value) for key, value in described.items())
        encoded.append(
            spans.span(trace, identity, b"tap status", spans.KIND_INTERNAL, now_ns, now_ns, attributes)
        )
    return encoded


def seen(counters: Mapping[str, Any]) -> int:
    """Messages, requests, files or rows, whatever the kind counts."""
    return int(
        next((counters[name] for name in ("messages", "requests", "files", "rows") if name in counters), 0)
    )


def scope() -> bytes:
    """The InstrumentationScope field of status spans."""
    return spans.scope(SCOPE_NAME, "1", {})
