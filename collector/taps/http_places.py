"""The places of an HTTP interface's configuration as functions that read them.

Made once per interface by `observe_http`; they are all the knowledge it has of pointers, JMESPath, XPath,
forms and route parameters. A function never raises and gives text and numbers only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from collector.taps.config.http import HttpInterface, InBody, Place, compile_jmespath
from collector.taps.http_message import Content, Request
from tracing.protocols import form
from tracing.protocols.json_pointer import resolve
from tracing.protocols.xml_path import Path

BodyReader = Callable[[Content], object]


class Asked:
    """A request as places see it."""

    __slots__ = ("_query", "content", "parameters", "request")

    def __init__(self, request: Request, content: Content, parameters: Mapping[str, str]) -> None:
        self.request = request
        self.content = content
        self.parameters = parameters
        self._query: form.Fields | None = None

    def query(self, name: str) -> str | None:
        """The first value of a parameter of the query."""
        if self._query is None:
            self._query = form.urlencoded(self.request.target.partition("?")[2])
        values = self._query.get(name)
        return values[0] if values else None


class Reader(NamedTuple):
    """How one place is read: in the request, or in the answer's body; one of the two is None."""

    request: Callable[[Asked], object] | None
    response: BodyReader | None
    format: str
    """json, xml or form where a body is needed, else empty."""


def text(value: object) -> str | None:
    """Text or a whole number as text, else None; of several, the first."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def says_failure(value: object) -> bool:
    """Whether a value at `failure` is an error: anything but nothing, zero, false or empty."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "false")
    return bool(value)


def reader(place: InBody, interface: HttpInterface) -> Reader:
    """How `place` is read."""
    if isinstance(place, Place):
        if place.response is not None:
            read, kind = in_body(place.response, interface)
            return Reader(None, read, kind)
        found = _outside(place)
        if found is not None:
            return Reader(found, None, "")
        if place.form is not None:
            name = place.form
            return Reader(lambda asked: _first(asked.content.form().get(name)), None, "form")
    read, kind = in_body(place, interface)
    return Reader(lambda asked: read(asked.content), None, kind)


def in_body(place: InBody, interface: HttpInterface) -> tuple[BodyReader, str]:
    """How a place in a body is read, and the format it is in."""
    if place.xpath is not None:
        path = Path(place.xpath, interface.namespaces)
        return lambda content: _xml(content, path), "xml"
    if place.jmespath is not None:
        expression = compile_jmespath(place.jmespath)

        def search(content: Content) -> object:
            document = content.json()
            try:
                found: object = expression.search(document[0]) if document is not None else None
            except (TypeError, ValueError, AttributeError, KeyError, RecursionError):
                return None  # a function that does not fit what the document holds
            return found

        return search, "json"
    pointer = place.pointer or ""

    def point(content: Content) -> object:
        document = content.json()
        return resolve(document[0], pointer) if document is not None else None

    return point, "json"


def _outside(place: Place) -> Callable[[Asked], object] | None:
    if place.path is not None:
        parameter = place.path
        return lambda asked: asked.parameters.get(parameter)
    if place.query is not None:
        name = place.query
        return lambda asked: asked.query(name)
    if place.header is not None:
        lower = place.header.lower().encode("ascii")
        return lambda asked: asked.request.header(lower) or None
    return None


def _xml(content: Content, path: Path) -> object:
    root = content.xml()
    return _first(path.values(root)) if root is not None else None


def _first(values: list[str] | None) -> str | None:
    return values[0] if values else None
