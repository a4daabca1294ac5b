"""An HTTP API interface: FHIR, ERP and SaaS.

It must never open a socket, a file or the site key.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from collector.taps.config.base import AddressText, AnyKey, Model, Pointer, Word, parse_address
from collector.taps.config.capture import Capture
from collector.taps.config.tls import Listening
from tracing.protocols import fhir_types, routes, usual_names, xml_path

_UPSTREAM = re.compile(r"(https?)://([^/?#]+)/?")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_PLACES = ("pointer", "jmespath", "xpath", "form", "path", "query", "header", "response")


def _route(text: str) -> str:
    routes.parse_route(text)
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


def _jmespath(text: str) -> str:
    try:
        compile_jmespath(text)
    except ValueError as error:  # jmespath's own are among them
        raise ValueError(f"{text!r} is not JMESPath: {str(error).splitlines()[0]}") from None
    return text


@lru_cache(maxsize=256)
def compile_jmespath(text: str) -> Any:
    """The compiled expression, with `search(document)`. Raises ValueError."""
    import jmespath  # a tap without such a rule does not carry it

    return jmespath.compile(text)


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a header, for example X-Request-Id")
    return text


def _base(text: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~%-]+)*/?", text):
        raise ValueError(f"{text!r} is not a base path, for example /fhir/r4")
    return text.rstrip("/")


Route = Annotated[str, AfterValidator(_route)]
JmesPath = Annotated[str, AfterValidator(_jmespath)]
Header = Annotated[str, AfterValidator(_header)]
FieldName = Annotated[str, Field(min_length=1, max_length=128)]


class InBody(Model):
    """A place in a body: exactly one of three ways to say it."""

    pointer: Pointer | None = Field(default=None, description="JSON pointer (RFC 6901).")
    jmespath: JmesPath | None = Field(default=None, description="JMESPath expression over a JSON body.")
    xpath: str | None = Field(
        default=None, min_length=1, description="Path to an element or attribute of XML."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in _PLACES if getattr(self, name, None) is not None]
        if len(given) != 1:
            names = ", ".join(name for name in _PLACES if name in type(self).model_fields)
            raise ValueError(f"exactly one of {names} says where it is; here are {len(given)}")
        return self

    @property
    def spelt(self) -> str:
        """The place in one word: a pointer as it is, of others the way and what it says."""
        for name in _PLACES:
            given = getattr(self, name, None)
            if given is not None:
                own = given.spelt if isinstance(given, InBody) else given
                return own if name == "pointer" else f"{name}:{own}"
        return ""


def _in_body(value: object) -> object:
    return {"pointer": value} if isinstance(value, str) else value


BodyPlace = Annotated[InBody, BeforeValidator(_in_body)]


class Place(InBody):
    """A place in a request, or with `response` in the body of its answer."""

    form: FieldName | None = Field(default=None, description="Field of a form body, also a multipart one.")
    path: FieldName | None = Field(default=None, description="Parameter of the route template.")
    query: FieldName | None = Field(default=None, description="Parameter of the query.")
    header: Header | None = Field(default=None, description="Header of the request.")
    response: BodyPlace | None = Field(
        default=None,
        description="Place in the answer's body: a JSON pointer, or `{xpath: …}`, `{jmespath: …}`.",
    )


AnyPlace = Annotated[Place, BeforeValidator(_in_body)]


class HttpKey(Place, AnyKey):
    """A business key of requests or of their answers."""

    operations: tuple[Route, ...] = Field(
        default=(), description="Route templates it is read for; empty: every request."
    )


JsonKey = HttpKey


class Fhir(Model):
    """What is known of a FHIR server. `fhir: true` and `fhir: /base/path` are short for it."""

    base: Annotated[str, AfterValidator(_base)] | None = Field(
        default=None,
        description="Path of the server's base; absent: what precedes the first resource type in a path.",
    )
    server: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Authority of the server's own IDs: its public base URL. Default: `upstream` and `base`.",
    )
    entries: int = Field(
        default=500,
        ge=0,
        le=5000,
        description="Entries of a Bundle that become spans; the others are counted.",
    )


def _fhir(value: object) -> object:
    if value is True:
        return {}
    if value is False:
        return None
    return {"base": value} if isinstance(value, str) else value


class HttpInterface(Listening):
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
    openapi: str | None = Field(
        default=None, min_length=1, description="OpenAPI file (YAML or JSON) whose operations are routes too."
    )
    openapi_base: Annotated[str, AfterValidator(_base)] | None = Field(
        default=None, description="Base path of the OpenAPI file's paths; default: that of its servers."
    )
    fhir: Annotated[Fhir | None, BeforeValidator(_fhir)] = Field(
        default=None, description="The API is FHIR R4: `true`, its base path, or a mapping."
    )
    soap: bool = Field(default=False, description="Requests may be SOAP: operations by action, faults found.")
    authorities: dict[str, str] = Field(
        default={}, description="Assigning authority by identifier system (a URI), for FHIR identifiers."
    )
    namespaces: dict[Word, str] = Field(
        default={}, description="Prefixes of `xpath`; a name without prefix is one of any namespace."
    )
    keys: tuple[HttpKey, ...] = Field(
        default=(),
        description="Business keys: each a kind and one place in the request or its answer. Default: those "
        "of FHIR, else fields of a JSON body by the names they usually have.",
    )
    headers: tuple[Header, ...] = Field(
        default=(),
        max_length=16,
        description="Headers recorded as keyed tokens, such as X-Request-Id: they find, and never join.",
    )
    measures: dict[Word, AnyPlace] = Field(
        default={}, description="Numbers: a JSON pointer into the request body, or any other place."
    )
    attributes: dict[Word, AnyPlace] = Field(
        default={}, description="Short codes: a JSON pointer into the request body, or any other place."
    )
    reason: BodyPlace | None = Field(
        default=None,
        description="Where an answer's body has its error code: a JSON pointer, or any other way.",
    )
    failure: BodyPlace | None = Field(
        default=None,
        description="Place in an answer's body where anything but nothing, zero, false or empty is an error, "
        "whatever the status says.",
    )
    context: Literal["none", "start"] = Field(
        default="none",
        description="`start` adds a `traceparent` header to requests without one; `none` changes nothing.",
    )
    capture: Capture | None = Field(
        default=None, description="Keep bodies of requests and answers, sealed; absent: nothing is kept."
    )
    max_body_bytes: int | None = Field(
        default=None,
        ge=0,
        description="Larger bodies pass, but are not read. Default: 256 KiB, with `fhir` 4 MiB.",
    )

    @property
    def body_limit(self) -> int:
        """How many bytes of a body are read at most."""
        if self.max_body_bytes is not None:
            return self.max_body_bytes
        return 4 << 20 if self.fhir is not None else 256 << 10

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for place, where in self.places():
            inside = place.response if isinstance(place, Place) and place.response is not None else place
            if inside.xpath is not None:
                try:
                    xml_path.Path(inside.xpath, self.namespaces)
                except xml_path.PathError as error:
                    raise ValueError(f"interface {self.name!r}: {where}: xpath: {error}") from None
            if isinstance(place, Place) and place.path is not None and self.openapi is None:
                known = {name for route in self.routes for name in routes.parameters(route)}
                if place.path not in known:
                    raise ValueError(
                        f"interface {self.name!r}: {where}: path: no route has a parameter {place.path!r}"
                    )
        if self.tls is not None and self.tls.upstream is not None and self.upstream.startswith("http:"):
            raise ValueError(
                f"interface {self.name!r}: tls.upstream: the upstream is http; write https://, or remove it"
            )
        return self

    @property
    def key_places(self) -> list[tuple[str, str]]:
        """Kinds of keys and their places: as configured, those of FHIR, or the usual names of fields."""
        found: list[tuple[str, str]] = [(key.kind, key.spelt) for key in self.keys]
        found += [("request", f"header:{name}") for name in self.headers]
        if self.fhir is not None:
            return found + fhir_types.places()
        return found if self.keys else found + usual_names.places()

    def places(self) -> list[tuple[InBody, str]]:
        """Every place in the configuration, with the key it stands at."""
        found: list[tuple[InBody, str]] = [(key, f"keys[{i}]") for i, key in enumerate(self.keys)]
        found += [(place, f"measures.{name}") for name, place in self.measures.items()]
        found += [(place, f"attributes.{name}") for name, place in self.attributes.items()]
        found += [(self.reason, "reason")] if self.reason is not None else []
        return found + ([(self.failure, "failure")] if self.failure is not None else [])
