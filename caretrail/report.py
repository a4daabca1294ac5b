"""What `caretrail doctor` and the admin page tell: checks of a running core, worst first.

Made by `caretrail.health`. A check never holds a message's content; an engine's error text is shown only as
far as the log keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from caretrail.loops import LoopStatus
from collector.wal.status import WalStatus
from collector.wal.writer import WriterStatus
from dashboard import Check
from tracing.clocks import ClockRow

_WORST_FIRST = {"failed": 0, "warning": 1, "ok": 2}
_OLD_S = 30.0
_SILENT_S = 180.0
_WAITING_BYTES = 64 << 20


class TapWord(NamedTuple):
    """What a tap last told of one interface; counts since the tap's process started."""

    interface: str
    tap: str
    told: datetime
    seen: int
    unseen: int
    waiting_bytes: int
    dropped: int
    refused: int


def checks(
    wal: WalStatus | None,
    writer: WriterStatus | None,
    loops: Sequence[LoopStatus],
    store: str,
    taps: Sequence[TapWord],
    now: datetime,
    clocks: Sequence[ClockRow] = (),
) -> list[Check]:
    """Everything there is to say, worst first. `store`: what the store answered, "" when it did not."""
    found: list[Check] = []
    if store:
        found.append(Check("store", "ok", store))
    else:
        found.append(Check("store", "failed", "does not answer", "Look at the engine's own log."))
    if wal is not None:
        found += _log(wal)
    if writer is not None:
        found += _writer(writer)
    for loop in loops:
        if loop.failing:
            found.append(Check(loop.name, "failed", f"fails with {loop.failing}", "See the process's log."))
        elif loop.last_step is None:
            found.append(Check(loop.name, "warning", "has not run yet"))
        else:
            found.append(Check(loop.name, "ok", f"last ran {loop.last_step:%H:%M:%S} UTC"))
    for name in dict.fromkeys(word.tap for word in taps):
        found.append(_tap(name, [word for word in taps if word.tap == name], now))
    if clocks:
        found.append(_clocks(clocks))
    return sorted(found, key=lambda check: _WORST_FIRST[check.state])


def _tap(name: str, words: Sequence[TapWord], now: datetime) -> Check:
    told = max(word.told for word in words)
    last = max(words, key=lambda word: word.told)
    title = f"tap {name}"
    messages = sum(word.seen for word in words)
    unseen = [word for word in words if word.unseen]
    said = f"{len(words)} interfaces, {messages:,} messages since it started, heard of at {told:%H:%M:%S} UTC"
    if (now - told).total_seconds() > _SILENT_S:
        return Check(
            title, "warning", said, "It tells every minute: is it running, can it reach the collector?"
        )
    if last.dropped or last.refused:
        lost = f"{last.dropped:,} spans dropped by its spool, {last.refused:,} not taken by the collector"
        return Check(title, "failed", f"{said}; {lost}", "Messages passed; their records are incomplete.")
    if unseen:
        counts = ", ".join(f"{word.unseen:,} on {word.interface}" for word in unseen)
        return Check(
            title, "warning", f"{said}; passed unseen: {counts}", "See the tap's log for the reason."
        )
    if last.waiting_bytes > _WAITING_BYTES:
        return Check(title, "warning", f"{said}; {last.waiting_bytes:,} bytes wait in its spool")
    return Check(title, "ok", said)


def _clocks(rows: Sequence[ClockRow]) -> Check:
    off = sorted((row for row in rows if row.is_corrected), key=lambda row: -abs(row.offset_ms))
    if not off:
        return Check("clocks", "ok", f"those of {len(rows)} interfaces agree with this one")
    said = ", ".join(f"{row.interface} {row.words}" for row in off[:5])
    more = f" and {len(off) - 5} more" if len(off) > 5 else ""
    return Check(
        "clocks",
        "warning",
        f"{said}{more}; workflows take that off",
        "Let the machines of these taps follow a time server (NTP).",
    )


def _log(wal: WalStatus) -> list[Check]:
    found: list[Check] = []
    if wal.disk_full:
        found.append(
            Check(
                "log",
                "failed",
                "the disk is full; clients are told to wait",
                "Make room; it goes on by itself.",
            )
        )
    elif wal.last_error:
        found.append(
            Check("log", "failed", wal.last_error, "Clients are told to wait; see the process's log.")
        )
    waiting = f"{wal.pending_segments} segments ({wal.pending_bytes:,} bytes) wait for the store"
    share = wal.pending_bytes / wal.limit_bytes
    if share > 0.8:
        found.append(
            Check(
                "log",
                "failed",
                f"{waiting}, {share:.0%} of its limit",
                "Raise collector.wal_limit or mend the store.",
            )
        )
    elif (wal.oldest_age_s or 0.0) > _OLD_S:
        found.append(Check("log", "warning", f"{waiting}, the oldest for {wal.oldest_age_s:.0f} s"))
    elif not found:
        found.append(Check("log", "ok", waiting))
    if wal.refused:
        newest = wal.refused[-1]
        found.append(
            Check(
                "refused",
                "failed",
                f"{len(wal.refused)} bodies the store refused are set aside; the last error: {newest.error}",
                "They are in wal/refused beside their errors.",
            )
        )
    return found


def _writer(writer: WriterStatus) -> list[Check]:
    if writer.failing:
        return [
            Check(
                "writer", "failed", f"cannot reach the store: {writer.failing}", "It tries again by itself."
            )
        ]
    return [Check("writer", "ok", f"{writer.bodies:,} batches stored since the start")]
