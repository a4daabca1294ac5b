"""What can be wrong with the numbers of an encounter: which it goes by and when, what is sent about it.

Plain data, decided in advance by `simulator.stories`; the systems write what stands here. Nothing in this
module knows how a reader of the messages would make sense of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BLANK_VISIT, BLANK_ACCOUNT, BLANK_MRN = "0", "UNKNOWN", "999999999"
#: The account of a department, on which it writes whoever has none: not anybody's number.
BUCKET_ACCOUNT = "A999"


class Story(StrEnum):
    """What happens to the identity of an encounter; at most one story each."""

    NONE = "none"
    MERGED = "merged"
    ACCOUNT_CHANGED = "account_changed"
    VISIT_CHANGED = "visit_changed"
    MOVED = "moved"
    LINKED = "linked"
    WRONGLY_MERGED = "wrongly_merged"
    SWAPPED = "swapped"
    REUSED = "reused"
    OTHER_AUTHORITY = "other_authority"
    MRN_ONLY = "mrn_only"
    LATE_LINK = "late_link"
    BLANK = "blank"
    BUCKET = "bucket"
    STRANGERS_VISIT = "strangers_visit"
    ADMISSION_CANCELLED = "admission_cancelled"


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a message says about whom and what it concerns; empty text where it says nothing.

    more: (kind, number) of what is not a patient's, as orders, cases and cleaning tasks.
    """

    visit: str = ""
    account: str = ""
    mrn: str = ""
    more: tuple[tuple[str, str], ...] = ()


UNNAMED = Numbers()


@dataclass(frozen=True, slots=True)
class Spell:
    """The numbers by which the EHR knows an encounter from `since` (Unix seconds) on."""

    since: float
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Notice:
    """A message the EHR sends about identity.

    at: Unix seconds. event: "A40" and so on. now, prior: the numbers it names as valid and as earlier ones
    (MRG). other: the second patient of a link. persons: whom it is truly about. attached: whether it belongs
    to the encounter it is told with; a note about another patient does not. undone: how a mistaken one is
    taken back, "A37", "A43" or "person".
    """

    at: float
    event: str
    now: Numbers
    prior: Numbers = UNNAMED
    other: str = ""
    persons: tuple[str, ...] = ()
    attached: bool = True
    undone: str = ""
