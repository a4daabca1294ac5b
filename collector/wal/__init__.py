"""The durable log of accepted batches, and the writer that drains it into the store.

The receiver appends and acknowledges only when the append's future has resolved: by then the bytes are on
the disk. The writer inserts sealed segments in the background. Nothing here looks inside a body.
"""

from collector.wal.errors import DiskFull, WalClosed, WalDamaged, WalError, WalFull, WalLocked
from collector.wal.log import Wal
from collector.wal.refused import Refused
from collector.wal.segments import Segment
from collector.wal.status import WalStatus
from collector.wal.writer import Writer, WriterStatus

__all__ = [
    "DiskFull",
    "Refused",
    "Segment",
    "Wal",
    "WalClosed",
    "WalDamaged",
    "WalError",
    "WalFull",
    "WalLocked",
    "WalStatus",
    "Writer",
    "WriterStatus",
]
