"""What may go wrong between a tap and a database, in words that may be logged.

Raised by the reader and the window, told by the tap. It must never carry a statement, a value of a row, or a
driver's own text, which may quote both.
"""

from __future__ import annotations


class DatabaseError(Exception):
    """The rows could not be read this time; the text says why."""


class DatabaseAway(DatabaseError):
    """The database did not answer, or refused."""


class WindowError(DatabaseError):
    """A watermark or tie-breaker that cannot be followed; the text names the column and the remedy."""
