"""A sink of taps that stores what it is given."""

from __future__ import annotations

from tests.taps.world import Kept
from tracing.spans import export_request, scope_spans
from tracing.store import Store


class Sent:
    """Stores spans at once, as a core would have."""

    def __init__(self, store: Store) -> None:
        self._store, self._kept = store, Kept()

    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        self._kept.append(scope, encoded, count)
        self._store.insert_otlp(export_request(b"", scope_spans(scope, encoded)), str(len(self._kept.spans)))
        return True
