"""What every kind of interface shares: names, addresses, key kinds and the mistakes one can make in them.

Called by the model of each kind beside it. It must never open a socket, a folder or the site key.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Annotated, ClassVar, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from tracing.keys import SEARCH_ONLY, KeyKind


class TapConfigError(ValueError):
    """A tap configuration that cannot be used; the text names the interface, the key and the remedy."""


class Address(NamedTuple):
    """Host and TCP port."""

    host: str
    port: int


def parse_address(text: str) -> Address:
    """`127.0.0.1:2575`, `ehr.example:2575` or `[::1]:2575`. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: write an IPv6 address in brackets, for example [::1]:2575")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is not host:port, for example 127.0.0.1:2575")
    return Address(host, int(port))


def _address(text: str) -> str:
    parse_address(text)
    return text


def _pointer(text: str) -> str:
    if not text.startswith("/") or re.search(r"~(?![01])", text):
        raise ValueError(f"{text!r} is not a JSON pointer (RFC 6901), for example /reference")
    return text


AddressText = Annotated[str, AfterValidator(_address)]
Pointer = Annotated[str, AfterValidator(_pointer)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AnyKind(Model):
    """What every interface is called and stands between."""

    system: ClassVar[str]
    """`messaging.system` of its spans."""

    name: Name = Field(description="Name of the interface, as boards and workflows call it.")
    source: Name = Field(description="System that sends.")
    destination: Name = Field(description="System that receives.")
    facility: str = Field(default="", max_length=64, description="Facility the interface serves.")
    authority: str = Field(
        default="", max_length=64, description="Assigning authority of identifiers that name none."
    )
    priority: tuple[KeyKind, ...] = Field(
        default=(),
        description="Kinds of keys, best first, that name a message's trace before all others; those that "
        "only search cannot.",
    )

    @property
    def key_places(self) -> list[tuple[str, str]]:
        """Kinds of business keys, each with the place it is read from; a kind may have several."""
        return []

    @field_validator("priority")
    @classmethod
    def _can_name_a_trace(cls, kinds: tuple[KeyKind, ...]) -> tuple[KeyKind, ...]:
        for kind in kinds:
            if kind in SEARCH_ONLY:
                raise ValueError(f"{kind} only searches: many encounters share one")
        return kinds


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern), Field(min_length=1, max_length=256)]


class AnyKey(Model):
    """What every rule for a business key has, whatever it is read from."""

    kind: KeyKind
    authority: str | None = Field(default=None, description="Assigning authority; default: the interface's.")
    pattern: Pattern | None = Field(
        default=None,
        description="Regular expression that a value must match as a whole to be this key; for fields that "
        "hold one kind of number for some messages and another for others.",
    )

    def fits(self, value: str | None) -> bool:
        """Whether `value` may be this key."""
        return self.pattern is None or (
            value is not None and re.fullmatch(self.pattern, value.strip()) is not None
        )


def describe(error: ValidationError, name: str, kinds: Container[str] = ()) -> list[str]:
    """One line per mistake, with the interface and the key; values of the configuration are not repeated."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        place = ""
        for part in problem["loc"]:
            if part in kinds and not place:
                continue  # the discriminator's tag, which is no key of the file
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
        message = problem["msg"].removeprefix("Value error, ")
        if message.startswith("interface "):
            lines.append(message)
        else:
            lines.append(f"interface {name!r}: {place + ': ' if place else ''}{message}")
    return lines
