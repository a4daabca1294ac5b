"""Lineage from a store: reads what evidence the messages of a journey carry, and draws the arrows.

Called by the encounter page and the REST interface. Reads tokens only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tracing.keys import KINDS, SEARCH_ONLY
from tracing.lineage.arrows import arrows
from tracing.lineage.model import Arrow, KeyToken, Message
from tracing.lineage.rules import RULES, Rule
from tracing.store import Store, load_sql

_GLUING = [kind for kind in KINDS if kind not in SEARCH_ONLY]


def messages(store: Store, traces: Iterable[str], spans: Iterable[str]) -> list[Message]:
    """Messages by span ID, found by their traces, oldest first, as far as known. Raises StoreError."""
    wanted = {"traces": sorted(set(traces)), "spans": sorted(set(spans)), "kinds": _GLUING}
    if not wanted["spans"]:
        return []
    found = []
    for row in store.query(load_sql("tracing.lineage", "sql/messages.sql"), wanted).rows:
        span_id, trace_id, at, end, interface, source, destination, kind, control, asked, parent = row[:11]
        links, keys, engine_message, engine_source, batch = row[11:]
        found.append(
            Message(
                span_id,
                trace_id,
                at,
                end,
                interface,
                source,
                destination,
                kind,
                control,
                asked,
                parent,
                tuple(links),
                tuple(KeyToken(*key) for key in keys),
                engine_message,
                engine_source,
                batch,
            )
        )
    return found


def lineage(
    store: Store, traces: Iterable[str], spans: Iterable[str], rules: Sequence[Rule] = RULES
) -> list[Arrow]:
    """The arrows between some messages of one journey. Raises StoreError."""
    return arrows(messages(store, traces, spans), rules)
