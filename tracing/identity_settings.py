"""What a site says about its identifiers: whose they are, how they are written, what is none.

Part of the settings file (`identity:`); read by every tap, by search and by the identity resolver, which must
all read the same. It must never hold an identifier of a patient.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tracing.keys import KeyKind, normalise_authority

Rule = Literal["upper", "digits_only", "drop_separators", "strip_leading_zeros", "drop_check_digit"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Accepted(_Part):
    """A value that looks as if it were none, and is a number here."""

    kind: KeyKind
    value: str = Field(min_length=1, max_length=256)


class IdentitySettings(_Part):
    """What identifiers mean at this site. Taps, search and core must be told the same."""

    authorities: dict[str, tuple[str, ...]] = Field(
        default={},
        description="Other names of one assigning authority, by the name to use: namespaces, OIDs, URIs, as "
        "`{NSH: [1.2.840.1.1, NORTHSIDE]}`.",
    )
    normalise: dict[KeyKind, tuple[Rule, ...]] = Field(
        default={},
        description="By kind of key, what is done to every value, in this order: `upper` (capitals), "
        "`digits_only`, `drop_separators` (blanks, `-`, `.`, `/`, `_`), `strip_leading_zeros`, "
        "`drop_check_digit` (the last character).",
    )
    accept: tuple[Accepted, ...] = Field(
        default=(),
        description="Values that look as if they were no number and are one here, each `{kind, value}`.",
    )
    caps: dict[KeyKind, int] = Field(
        default={},
        description="By kind of key, how many visits one may belong to; with more it is set aside as a key "
        "collision. Default: 3 for every kind.",
    )
    patient_window_hours: float = Field(
        default=24,
        ge=0,
        description="How long before and after a visit a message that names only the patient may be of it.",
    )
    reuse_after_days: float = Field(
        default=60,
        gt=0,
        description="A visit number seen with another patient after so long was given out again.",
    )

    @model_validator(mode="after")
    def _names_one_authority(self) -> Self:
        found: dict[str, str] = {}
        for name, others in self.authorities.items():
            for other in (name, *others):
                known = found.setdefault(normalise_authority(other), name)
                if known != name:
                    raise ValueError(f"authorities: {other!r} is a name of {known!r} and of {name!r}")
        if any(cap < 1 for cap in self.caps.values()):
            raise ValueError("caps: a key belongs to one visit at least")
        return self
