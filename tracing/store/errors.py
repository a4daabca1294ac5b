"""What can go wrong between Caretrail and ClickHouse, in two kinds a caller can act on.

Every function of `tracing.store` raises these and nothing else for trouble with the engine. Must never hold
a password; the engine's own text may quote a parameter, so no clear identifier may ever be one.
"""

from __future__ import annotations

TIMEOUT_EXCEEDED = 159
READONLY = 164

# Codes of ClickHouse (src/Common/ErrorCodes.cpp) that say something about the engine's condition now and
# nothing about the statement: the same statement may succeed later. Everything else is about the statement.
_PASSING_CODES = frozenset(
    {
        74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
        75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR
        76,  # CANNOT_OPEN_FILE
        77,  # CANNOT_CLOSE_FILE
        95,  # CANNOT_READ_FROM_SOCKET
        96,  # CANNOT_WRITE_TO_SOCKET
        TIMEOUT_EXCEEDED,
        160,  # TOO_SLOW
        READONLY,
        173,  # CANNOT_ALLOCATE_MEMORY
        194,  # REQUIRED_PASSWORD
        198,  # DNS_ERROR
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED
        241,  # MEMORY_LIMIT_EXCEEDED
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        279,  # ALL_CONNECTION_TRIES_FAILED
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        319,  # UNKNOWN_STATUS_OF_INSERT
        369,  # ALL_REPLICAS_ARE_STALE
        394,  # QUERY_WAS_CANCELLED
        425,  # SYSTEM_ERROR
        497,  # ACCESS_DENIED
        516,  # AUTHENTICATION_FAILED
        733,  # TABLE_IS_BEING_RESTARTED
        999,  # KEEPER_EXCEPTION
    }
)
# The schema is not there (yet): for telemetry that is a reason to wait, for a query it is a mistake.
_MISSING_SCHEMA_CODES = frozenset({60, 81})  # UNKNOWN_TABLE, UNKNOWN_DATABASE


class StoreError(Exception):
    """Base of all errors of the store; `code` is ClickHouse's number when the engine gave one."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class StoreUnavailable(StoreError):
    """The engine cannot answer now (down, overloaded, disk full, access refused): retry the same call."""


class StoreRefused(StoreError):
    """The engine looked at the statement or the data and said no: retrying cannot help, set it aside."""


class MigrationError(StoreRefused):
    """The schema cannot be brought to the shipped version without a person (changed or unknown file)."""


def is_passing(code: int | None, *, schema_may_come: bool) -> bool:
    """Whether the same call may succeed later. No code at all means that no engine answered."""
    if code is None:
        return True
    return code in _PASSING_CODES or (schema_may_come and code in _MISSING_SCHEMA_CODES)
