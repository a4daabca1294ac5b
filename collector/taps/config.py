"""What a tap is told about one interface: the pydantic models of `caretrail.yaml`'s `taps` list.

Called by the front door, which reads the file, and by tests. Paths into HL7 messages are checked against the
standard here, once, so that a misspelt field is an error at start and not a silent absence in the data.
It must never open a socket, a folder or the site key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from collector.taps.path_check import problems
from tracing.protocols.hl7v2_path import PathError, compile_path

KeyKind = Literal[
    "visit", "account", "order", "claim", "case", "purchase_order", "journal", "remittance", "mrn"
]
_ROUTE = re.compile(r"[A-Z]+ /[^\s?#]*")
_UPSTREAM = re.compile(r"(https?)://([^/?#]+)/?")


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


def _hl7_path(text: str) -> str:
    try:
        compile_path(text)
    except PathError as error:
        raise ValueError(str(error)) from None
    return text


def _route(text: str) -> str:
    if not _ROUTE.fullmatch(text):
        raise ValueError(f"{text!r} is not a route, for example POST /journals or PUT /orders/{{id}}")
    return text


def _http_upstream(text: str) -> str:
    match = _UPSTREAM.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not an upstream: write scheme, host and port, for example http://127.0.0.1:8080, "
            "and no path, because requests pass unchanged"
        )
    host = match[2]
    parse_address(host if re.search(r":\d+$", host) else f"{host}:{443 if match[1] == 'https' else 80}")
    return text


AddressText = Annotated[str, AfterValidator(_address)]
Pointer = Annotated[str, AfterValidator(_pointer)]
Hl7Path = Annotated[str, AfterValidator(_hl7_path)]
Route = Annotated[str, AfterValidator(_route)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hl7Key(_Model):
    """A business key of HL7 v2 messages."""

    kind: KeyKind
    path: Hl7Path
    authority: str | None = Field(
        default=None,
        description="Assigning authority to use whatever the message says; default: the message's own.",
    )


class JsonKey(_Model):
    """A business key of JSON request bodies."""

    kind: KeyKind
    pointer: Pointer
    authority: str | None = Field(default=None, description="Assigning authority; default: the interface's.")


HL7_KEYS = (
    Hl7Key(kind="visit", path="PV1-19"),
    Hl7Key(kind="account", path="PID-18"),
    Hl7Key(kind="order", path="ORC-2"),
    Hl7Key(kind="order", path="OBR-2"),
    Hl7Key(kind="mrn", path="PID-3"),
)


class _Interface(_Model):
    name: Name = Field(description="Name of the interface, as boards and workflows call it.")
    source: Name = Field(description="System that sends.")
    destination: Name = Field(description="System that receives.")
    facility: str = Field(default="", max_length=64, description="Facility the interface serves.")
    authority: str = Field(
        default="", max_length=64, description="Assigning authority of identifiers that name none."
    )


class MllpInterface(_Interface):
    """HL7 v2 over MLLP, proxied in line and byte for byte."""

    kind: Literal["mllp"]
    listen: AddressText = Field(description="Where the sender connects to.")
    upstream: AddressText = Field(description="Where the receiver listens.")
    keys: tuple[Hl7Key, ...] = Field(default=HL7_KEYS, description="Business keys, by path.")
    attributes: dict[Word, Hl7Path] = Field(
        default={}, description="Short codes to record for `when` conditions, by path."
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

    @model_validator(mode="after")
    def _paths_exist(self) -> Self:
        places = {f"attributes.{name}": path for name, path in self.attributes.items()}
        if "keys" in self.model_fields_set:
            places |= {f"keys[{index}].path": key.path for index, key in enumerate(self.keys)}
        # Site-defined segments (Z..) are in no version of the standard.
        named = tuple(sorted({path for path in places.values() if not path.startswith("Z")}))
        wrong = problems(named, self.hl7_version)
        for place, path in places.items():
            if path in wrong:
                raise ValueError(f"interface {self.name!r}: {place}: {wrong[path]}")
        return self


class HttpInterface(_Interface):
    """An HTTP/1.1 API, proxied in line and byte for byte."""

    kind: Literal["http"]
    listen: AddressText = Field(description="Where the client connects to.")
    upstream: Annotated[str, AfterValidator(_http_upstream)] = Field(
        description="http:// or https:// address."
    )
    routes: tuple[Route, ...] = Field(
        default=(), description="Route templates; a request that fits none is recorded by its method alone."
    )
    keys: tuple[JsonKey, ...] = Field(
        default=(), description="Business keys, by JSON pointer into the request body."
    )
    measures: dict[Word, Pointer] = Field(
        default={}, description="Numbers in the request body, by JSON pointer."
    )
    attributes: dict[Word, Pointer] = Field(
        default={}, description="Short codes in the request body, by JSON pointer."
    )
    reason: Pointer | None = Field(
        default=None, description="JSON pointer to the error code in a response body."
    )
    max_body_bytes: int = Field(default=256 << 10, ge=0, description="Larger bodies pass, but are not read.")


class FolderInterface(_Interface):
    """A folder in which X12 files appear: 837, 999, 277CA, 835."""

    kind: Literal["folder"]
    path: str = Field(min_length=1, description="The folder; it may appear later.")
    pattern: str = Field(default="*", min_length=1, description="Which files, as a shell pattern.")
    poll_seconds: float = Field(default=1.0, gt=0, description="How often the folder is looked at.")
    settle_seconds: float = Field(
        default=1.0, ge=0, description="A file is complete when its size has not changed for this long."
    )
    max_file_bytes: int = Field(
        default=256 << 20, ge=1024, description="Larger files are reported and not read."
    )


Interface = Annotated[MllpInterface | HttpInterface | FolderInterface, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[MllpInterface | HttpInterface | FolderInterface] = TypeAdapter(Interface)


def load_interfaces(items: Iterable[Any]) -> list[MllpInterface | HttpInterface | FolderInterface]:
    """Interfaces from parsed YAML (a list of mappings).

    Raises `TapConfigError` whose text has one line per mistake: interface, key, what is wrong.
    """
    loaded = []
    problems: list[str] = []
    for index, item in enumerate(items):
        try:
            loaded.append(_ADAPTER.validate_python(item))
        except ValidationError as error:
            name = item.get("name") if isinstance(item, dict) else None
            problems += describe(error, str(name) if name else f"number {index + 1}")
    if problems:
        raise TapConfigError("\n".join(problems))
    check_together(loaded)
    return loaded


def check_together(interfaces: Iterable[MllpInterface | HttpInterface | FolderInterface]) -> None:
    """Raise `TapConfigError` where two interfaces share a name or an address."""
    names: set[str] = set()
    addresses: dict[str, str] = {}
    for interface in interfaces:
        if interface.name in names:
            raise TapConfigError(f"interface {interface.name!r}: name: two interfaces have this name")
        names.add(interface.name)
        if not isinstance(interface, FolderInterface) and not interface.listen.endswith(":0"):
            other = addresses.setdefault(interface.listen, interface.name)
            if other != interface.name:
                raise TapConfigError(
                    f"interface {interface.name!r}: listen: {interface.listen} is taken by {other!r}"
                )


def describe(error: ValidationError, name: str) -> list[str]:
    """One line per mistake, with the interface and the key; values of the configuration are not repeated."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        place = ""
        for part in problem["loc"]:
            if part in ("mllp", "http", "folder") and not place:
                continue  # the discriminator's tag, which is no key of the file
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
        message = problem["msg"].removeprefix("Value error, ")
        if message.startswith("interface "):
            lines.append(message)
        else:
            lines.append(f"interface {name!r}: {place + ': ' if place else ''}{message}")
    return lines
