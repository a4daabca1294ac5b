"""An HL7 v2 interface over MLLP.

Paths into messages are checked against the standard here, once, so that a misspelt field is an error at start
and not a silent absence in the data. It must never open a socket or the site key.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from collector.taps.config.base import AddressText, AnyKey, Name, Word
from collector.taps.config.capture import Capture
from collector.taps.config.tls import Listening
from collector.taps.path_check import problems
from tracing.protocols.hl7v2_path import PathError, compile_path


def _hl7_path(text: str) -> str:
    try:
        compile_path(text)
    except PathError as error:
        raise ValueError(str(error)) from None
    return text


Hl7Path = Annotated[str, AfterValidator(_hl7_path)]


Suffix = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,16}$")]
IdType = Annotated[str, Field(pattern=r"^[^|^~&\\\s]([^|^~&\\]{0,18}[^|^~&\\\s])?$")]


class Hl7Key(AnyKey):
    """A business key of HL7 v2 messages."""

    path: Hl7Path
    authority: str | None = Field(
        default=None,
        description="Assigning authority to use whatever the message says; default: the message's own.",
    )
    of: Suffix | None = Field(
        default=None,
        description="Added to the interface's authority where a message names none (`filler`: `NSH:FILLER`), "
        "so that equal numbers of two systems stay two.",
    )
    types: tuple[IdType, ...] | None = Field(
        default=None,
        description="Identifier types (CX.5) that count; default: all, of `mrn` those of medical records.",
    )


HL7_KEYS = (
    Hl7Key(kind="visit", path="PV1-19"),
    Hl7Key(kind="account", path="PID-18"),
    Hl7Key(kind="order", path="ORC-2"),
    Hl7Key(kind="order", path="OBR-2"),
    Hl7Key(kind="order", path="ORC-3", of="filler"),
    Hl7Key(kind="order", path="OBR-3", of="filler"),
    Hl7Key(kind="order", path="FT1-23", of="filler"),
    Hl7Key(kind="order", path="TXA-14"),
    Hl7Key(kind="order", path="TXA-15", of="filler"),
    Hl7Key(kind="order", path="SCH-26"),
    Hl7Key(kind="order", path="SCH-27", of="filler"),
    Hl7Key(kind="case", path="PV1-50", of="alternate"),
    Hl7Key(kind="appointment", path="SCH-1"),
    Hl7Key(kind="appointment", path="SCH-2", of="filler"),
    Hl7Key(kind="document", path="TXA-12"),
    Hl7Key(kind="mrn", path="PID-3"),
    Hl7Key(kind="lot", path="RXA-15"),
    Hl7Key(kind="lot", path="RXD-18"),
    Hl7Key(kind="lot", path="RXG-19"),
)
"""Where HL7 v2.5.1 puts identifiers. Placer and filler number their orders each for themselves.

Lots are those of what was given or dispensed."""

HL7_MEASURES = {"quantity": "FT1-10", "amount": "FT1-11"}
"""What a detail financial transaction (DFT^P03) charges; messages without FT1 measure nothing."""


class MllpInterface(Listening):
    """HL7 v2 over MLLP: proxied in line and byte for byte, or taken as a copy (`mode: sink`)."""

    system: ClassVar[str] = "hl7v2"
    kind: Literal["mllp"]
    mode: Literal["proxy", "sink"] = Field(
        default="proxy",
        description="`proxy` stands between sender and receiver and never acknowledges by itself; `sink` is "
        "sent copies, and acknowledges what it has recorded.",
    )
    listen: AddressText = Field(description="Where the sender connects to.")
    upstream: AddressText | None = Field(
        default=None, description="Where the receiver listens; a sink has none."
    )
    keys: tuple[Hl7Key, ...] = Field(default=HL7_KEYS, description="Business keys, by path.")
    attributes: dict[Word, Hl7Path] = Field(
        default={}, description="Short codes to record for `when` conditions, by path."
    )
    measures: dict[Word, Hl7Path] = Field(
        default=HL7_MEASURES,
        description="Numbers, by path: the sum over every such segment of a message. Of FT1, credits count "
        "negative and payments not at all.",
    )
    facility_from_message: bool = Field(
        default=True, description="Take the facility from MSH-4 where it is a code."
    )
    hl7_version: str = Field(
        default="2.5.1", description="Version of the standard that paths are checked against."
    )
    ack_timeout_seconds: float = Field(
        default=60, gt=0, description="After this long without an acknowledgement the outcome is `timeout`."
    )
    max_message_bytes: int = Field(
        default=16 << 20, ge=1024, description="Longer messages pass, but are not read."
    )

    acknowledges: Name | None = Field(
        default=None,
        description="Interface whose application acknowledgements (enhanced mode) come back over this one.",
    )
    context: Literal["none", "inject", "strip"] = Field(
        default="none",
        description="`inject` appends a `ZTC` segment with the trace context, `strip` takes it out again; "
        "`none` changes nothing.",
    )
    structure: bool = Field(
        default=True, description="Record each message's shape, so that a change of the sender's shows."
    )
    structure_codes: tuple[Hl7Path, ...] = Field(
        default=(), max_length=16, description="Coded fields whose values belong to the shape, by path."
    )
    structures_per_second: int = Field(
        default=1000, ge=10, description="Shapes taken in a second at most; more messages have none."
    )
    capture: Capture | None = Field(
        default=None, description="Keep messages and answers, sealed; absent: nothing is kept."
    )
    resent_memory: int = Field(
        default=1024, ge=0, le=1 << 20, description="How many messages back one that is sent again is known."
    )
    keepalive_seconds: float = Field(
        default=60,
        ge=0,
        description="Silence after which the other end is asked for a sign of life; 0: never.",
    )

    @property
    def key_places(self) -> list[tuple[str, str]]:
        """Kinds of keys and their HL7 v2 paths."""
        return [(key.kind, key.path) for key in self.keys]

    @model_validator(mode="after")
    def _mode_fits(self) -> Self:
        where = f"interface {self.name!r}: "
        if self.mode == "proxy" and self.upstream is None:
            raise ValueError(
                f"{where}upstream: a proxy needs the receiver's address; only `mode: sink` has none"
            )
        if self.mode == "sink":
            for key, given in (
                ("upstream", self.upstream),
                ("tls.upstream", self.tls and self.tls.upstream),
            ):
                if given is not None:
                    raise ValueError(
                        f"{where}{key}: a sink sends to nobody; remove it, or write `mode: proxy`"
                    )
            if self.acknowledges is not None:
                raise ValueError(f"{where}acknowledges: only a proxy sees what comes back; remove it")
            if self.context != "none":
                raise ValueError(
                    f"{where}context: a sink passes nothing on; remove it, or write `mode: proxy`"
                )
        return self

    @model_validator(mode="after")
    def _paths_exist(self) -> Self:
        places = {f"attributes.{name}": path for name, path in self.attributes.items()}
        if "measures" in self.model_fields_set:
            places |= {f"measures.{name}": path for name, path in self.measures.items()}
        if "keys" in self.model_fields_set:
            places |= {f"keys[{index}].path": key.path for index, key in enumerate(self.keys)}
        places |= {f"structure_codes[{index}]": path for index, path in enumerate(self.structure_codes)}
        # Site-defined segments (Z..) are in no version of the standard.
        named = tuple(sorted({path for path in places.values() if not path.startswith("Z")}))
        wrong = problems(named, self.hl7_version)
        for place, path in places.items():
            if path.startswith("MRG") and place.startswith("keys["):
                raise ValueError(
                    f"interface {self.name!r}: {place}: what was before a merge is read from MRG anyway, and "
                    "must not be a key of the message; remove it"
                )
            if path in wrong:
                raise ValueError(f"interface {self.name!r}: {place}: {wrong[path]}")
        return self
