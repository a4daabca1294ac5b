"""Values that stand in a field for identifiers and are none: "0", "UNKNOWN", "999999999", "SELF".

Called where keys become tokens. Whoever wrote such a value had no number; it is written for thousands, so it
would join strangers. It must never take for none what a counter gives: "7" and "1234" are numbers.
"""

from __future__ import annotations

import re

WORDS = frozenset(
    """
ANON ANONYMOUS BLANK CASH DEFAULT DUMMY EMPTY ERROR FALSE GENERATED INVALID MISSING NA NAN NEW NIL NO NONE
NONUMBER NOTAPPLICABLE NOTASSIGNED NOTAVAILABLE NOTGIVEN NOTKNOWN NULL OTHER PENDING SAME SAMPLE SELF SELFPAY
TBA TBC TBD TEMP TEMPORARY TEST TESTING TRUE UNASSIGNED UNDEFINED UNK UNKN UNKNOWN UNSPECIFIED VOID X
ACCOUNT CASE CLAIM ENCOUNTER MRN ORDER PATIENT VISIT
""".split()  # noqa: SIM905
)
"""Without blanks and punctuation, in capitals; the last line are headings that were exported as values."""

COUNTS = frozenset(
    {"012345678", "0123456789", "123456789", "1234567890", "9876543210", "987654321", "1234567890123456"}
)
"""What fingers type to get past a required field; shorter ones are numbers that a counter reaches."""

NEVER_BLANK = frozenset({"item", "lot", "request"})
"""Of these nobody's journey depends."""

_NONE = WORDS | COUNTS
_LEAST = {"0": 1, "9": 4, "X": 1, "Z": 2} | dict.fromkeys("12345678", 6)
"""How often one character must stand alone to be none."""
_NOT_PLAIN = re.compile(r"[\W_]+")


def is_blank(value: str) -> bool:
    """Whether a value says that there is no number.

    Nothing but zeros or punctuation; a word of `WORDS`; a count of `COUNTS`; one digit six times or more, of
    nines four; X or Z repeated.
    """
    plain = (value if value.isalnum() else _NOT_PLAIN.sub("", value)).upper()
    if not plain or plain in _NONE:
        return True
    first = plain[0]
    return plain == first * len(plain) and len(plain) >= _LEAST.get(first, len(plain) + 1)
