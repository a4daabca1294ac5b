"""Route templates: which operation of an API a request path belongs to, and what its parameters were.

Called by the HTTP tap with templates from configuration or an OpenAPI document (`openapi`). A path holds
identifiers, a template never does: only the template may be recorded. It must never take longer than the
path is long, whatever the path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

MAX_PATH = 4096
MAX_SEGMENTS = 64
_PARAMETER = re.compile(r"\{([^{}/]+)\}")
_ROUTE = re.compile(r"([A-Z]+) (/[^\s?#]*)")


class RouteError(ValueError):
    """Text that is no route template."""


class Match(NamedTuple):
    """A request's route and its path parameters, percent-decoded."""

    template: str
    parameters: dict[str, str]


class _Node:
    """One place in the tree of templates: literal next segments, parameterised ones, and where to end."""

    __slots__ = ("ends", "literals", "patterns")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.patterns: list[tuple[re.Pattern[str], tuple[str, ...], _Node]] = []
        self.ends: dict[str, str] = {}


class Routes:
    """A set of templates such as `POST /orders/{id}/lines` or `GET /A_PurchaseOrder('{id}')`.

    A literal segment wins over a parameterised one, whatever the order. A slash at the end means nothing.
    """

    def __init__(self, templates: Iterable[str] = ()) -> None:
        self._root = _Node()
        self.templates: list[str] = []
        for template in templates:
            self.add(template)

    def add(self, template: str) -> None:
        """Take one more template. Raises RouteError."""
        method, path = parse_route(template)
        node = self._root
        for segment in _segments(path):
            node = _step(node, segment)
        if method not in node.ends:
            node.ends[method] = template
            self.templates.append(template)

    def match(self, method: str, path: str) -> Match | None:
        """The template that `path` (without query) fits, or None."""
        if len(path) > MAX_PATH:
            return None
        segments = _segments(path)
        if len(segments) > MAX_SEGMENTS:
            return None
        found: list[tuple[str, str]] = []
        template = _walk(self._root, method, segments, 0, found)
        if template is None:
            return None
        return Match(template, {name: unquote(value) for name, value in found})


def parse_route(template: str) -> tuple[str, str]:
    """Method and path of a template. Raises RouteError."""
    match = _ROUTE.fullmatch(template)
    if match is None:
        raise RouteError(f"{template!r} is not a route, for example POST /journals or PUT /orders/{{id}}")
    rest = _PARAMETER.sub("", match[2])
    if "{" in rest or "}" in rest:
        raise RouteError(f"{template!r}: a parameter stands between braces, for example {{id}}")
    return match[1], match[2]


def parameters(template: str) -> tuple[str, ...]:
    """The names of a template's parameters."""
    return tuple(_PARAMETER.findall(template))


def _segments(path: str) -> list[str]:
    segments = path.split("/")[1:]
    return segments[:-1] if segments and not segments[-1] else segments


def _step(node: _Node, segment: str) -> _Node:
    names = tuple(_PARAMETER.findall(segment))
    if not names:
        return node.literals.setdefault(segment, _Node())
    pattern = _pattern(segment)
    for known, known_names, following in node.patterns:
        if known.pattern == pattern and known_names == names:
            return following
    following = _Node()
    node.patterns.append((re.compile(pattern), names, following))
    # More literal text around a parameter is a narrower template, so it is asked first.
    node.patterns.sort(key=lambda one: -len(one[0].pattern))
    return following


def _pattern(segment: str) -> str:
    parts = _PARAMETER.split(segment)
    literals = parts[::2]
    pattern = re.escape(literals[0])
    for literal in literals[1:]:
        # Where several parameters share a segment, none may run past the text that ends it: no backtracking.
        pattern += f"([^/{re.escape(literal[0])}]+)" if literal and len(literals) > 2 else "([^/]+)"
        pattern += re.escape(literal)
    return pattern


def _walk(
    node: _Node, method: str, segments: list[str], index: int, found: list[tuple[str, str]]
) -> str | None:
    if index == len(segments):
        return node.ends.get(method)
    segment = segments[index]
    literal = node.literals.get(segment)
    if literal is not None:
        template = _walk(literal, method, segments, index + 1, found)
        if template is not None:
            return template
    for pattern, names, following in node.patterns:
        match = pattern.fullmatch(segment)
        if match is None:
            continue
        size = len(found)
        found.extend(zip(names, match.groups(), strict=True))
        template = _walk(following, method, segments, index + 1, found)
        if template is not None:
            return template
        del found[size:]
    return None
