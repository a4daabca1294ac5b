"""The one moment at which the hospital in memory stands still."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2026, 3, 10, 18, 2, 7, tzinfo=UTC)
