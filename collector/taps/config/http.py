"""An HTTP API interface: FHIR, ERP and SaaS.

It must never open a socket or the site key.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from collector.taps.config.base import AddressText, AnyKind, KeyKind, Model, Pointer, Word, parse_address

_ROUTE = re.compile(r"[A-Z]+ /[^\s?#]*")
_UPSTREAM = re.compile(r"(https?)://([^/?#]+)/?")


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


Route = Annotated[str, AfterValidator(_route)]


class JsonKey(Model):
    """A business key of JSON request bodies."""

    kind: KeyKind
    pointer: Pointer
    authority: str | None = Field(default=None, description="Assigning authority; default: the interface's.")


class HttpInterface(AnyKind):
    """An HTTP/1.1 API, proxied in line and byte for byte."""

    system: ClassVar[str] = "http"
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
