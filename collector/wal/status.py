"""What a person or a monitor wants to know about the log; made by `Wal.status`, for doctor and metrics."""

from __future__ import annotations

from dataclasses import dataclass

from collector.wal.refused import Refused


@dataclass(frozen=True, slots=True)
class WalStatus:
    """What waits for the store. Bytes include record headers; `oldest_age_s` is None when nothing waits."""

    pending_bytes: int
    pending_segments: int
    limit_bytes: int
    oldest_age_s: float | None
    appended: int
    repeated: int
    syncs: int
    sync_seconds: float
    disk_full: bool
    last_error: str | None
    refused: tuple[Refused, ...]
