"""What a site may decide about identity: how many visits a key may have, and how far apart is another time.

Handed to the resolver by the core. Holds numbers only; it must never hold an identifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tracing.identity_settings import IdentitySettings

CAP = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """caps: visits a key of a kind may have before it says nothing any more; kinds not named have `CAP`.

    patient_window: how long before its first and after its last message a visit is taken to last, when a
    message names only the patient.
    reuse_after: between two uses of a number by different patients, silence of this length makes the second
    one another use; less makes the number doubtful.
    """

    caps: Mapping[str, int] = field(default_factory=dict)
    patient_window: timedelta = timedelta(hours=24)
    reuse_after: timedelta = timedelta(days=60)

    @classmethod
    def of(cls, settings: IdentitySettings) -> Rules:
        """The rules that a site's settings say."""
        return cls(
            {str(kind): cap for kind, cap in settings.caps.items()},
            timedelta(hours=settings.patient_window_hours),
            timedelta(days=settings.reuse_after_days),
        )

    def cap(self, kind: str) -> int:
        """How many visits a key of `kind` may have."""
        return self.caps.get(kind, CAP)
