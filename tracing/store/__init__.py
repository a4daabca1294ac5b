"""ClickHouse as one facade: open a store by URL, migrate it, ask it in SQL, pour OTLP into it.

Called by every role that reads or writes telemetry. Must never be imported by a tap: taps only send OTLP.
"""

from tracing.store.errors import MigrationError, StoreError, StoreRefused, StoreUnavailable
from tracing.store.statements import load_sql
from tracing.store.store import Capabilities, Result, Store, open_store

__all__ = [
    "Capabilities",
    "MigrationError",
    "Result",
    "Store",
    "StoreError",
    "StoreRefused",
    "StoreUnavailable",
    "load_sql",
    "open_store",
]
