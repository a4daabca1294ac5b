"""What can go wrong with the write-ahead log; the receiver turns each into an answer for its client.

`WalFull` and `DiskFull` pass by themselves and mean "come again later". Input never raises anything else.
"""


class WalError(Exception):
    """The write-ahead log could not do what was asked; nothing was acknowledged."""


class WalFull(WalError):
    """The configured number of bytes is waiting for the store: the store is away or too slow."""


class DiskFull(WalError):
    """The disk (or the quota) has no room for the record; the log goes on by itself once there is."""


class WalClosed(WalError):
    """The log was closed: the process is going down."""


class WalLocked(WalError):
    """Another process has this folder open."""


class WalDamaged(WalError):
    """A segment that was written and synced cannot be read back."""
