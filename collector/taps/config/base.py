"""What every kind of interface shares: names, addresses, key kinds and the mistakes one can make in them.

Called by the model of each kind beside it. It must never open a socket, a folder or the site key.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Annotated, ClassVar, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError


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
