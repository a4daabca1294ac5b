"""XML bodies, and values in them by the part of XPath 1.0 that paths to one field need.

Called by the HTTP tap for ERP documents, and by `soap`. A document type declaration is refused before any
entity of it is read, so nothing can expand and nothing outside is ever fetched. A path comes from
configuration and is checked once; a document comes from outside and raises nothing but `XmlError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

MAX_VALUES = 32
_DECLARED = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([^\"'>]{0,40})[\"']")
_ASCII_BASED = re.compile(rb"utf-?8|us-ascii|iso-8859-\d{1,2}|windows-125\d", re.IGNORECASE)
_NAME = r"[A-Za-z_][\w.-]*"
_STEP = re.compile(rf"//?(?:\*|{_NAME}(?::{_NAME})?)(?:\[[^\[\]]*\])*")
_END = re.compile(rf"/(?:@(?:({_NAME}):)?({_NAME})|(text\(\)))$")
_PREDICATE = re.compile(
    rf"\[\s*(?:(\d+)|(last\(\))|@(?:({_NAME}):)?({_NAME})\s*(?:=\s*('[^']*'|\"[^\"]*\"))?"
    rf"|(\.|(?:({_NAME}):)?({_NAME}))\s*(?:=\s*('[^']*'|\"[^\"]*\"))?)\s*\]"
)
_Test = Callable[[list[Element]], list[Element]]
HINT = "steps like /Order/Line[1]/Number, //Number, [@type='x'], [Code='x'], and /@id or /text() at the end"


class XmlError(ValueError):
    """No XML, or XML that is not read; `place` is `line:column`, empty where it cannot be told."""

    def __init__(self, why: str, place: str = "") -> None:
        super().__init__(f"not XML at {place}: {why}" if place else f"XML is not read: {why}")
        self.place = place


class PathError(ValueError):
    """A path that is not of the supported part of XPath."""


def parse(body: bytes) -> Element:
    """The root element. Raises XmlError."""
    encoding = None
    if body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in body[:4]:
        try:
            name = "utf-16" if body[0] >= 0xFE else "utf-16-be" if body[0] == 0 else "utf-16-le"
            body, encoding = body.decode(name).encode(), "utf-8"
        except UnicodeError:
            raise XmlError("not in UTF-16") from None
    declared = _DECLARED.match(body)
    if declared is not None and encoding is None and not _ASCII_BASED.fullmatch(declared[1]):
        raise XmlError("an encoding that is not read")
    # In all these encodings a declaration is these very bytes, so without them there is none to expand.
    if b"<!DOCTYPE" in body:
        raise XmlError("a document type declaration")
    try:
        return ElementTree.fromstring(body, ElementTree.XMLParser(encoding=encoding))
    except ElementTree.ParseError as error:
        line, column = error.position
        raise XmlError("not well-formed", f"{line}:{column + 1}") from None
    except (ValueError, LookupError, RecursionError):
        raise XmlError("an encoding that is not read") from None


class Path:
    """A compiled path.

    A name without prefix is one of any namespace; a prefix is one of `namespaces`. Evaluation takes
    time in proportion to the document: the standard library's, for one, is quadratic with `[1]`. Raises
    PathError.
    """

    def __init__(self, text: str, namespaces: Mapping[str, str] | None = None) -> None:
        self.text = text
        self._namespaces = namespaces or {}
        end = _END.search(text)
        self._attribute = (self._uri(end[1]), end[2]) if end is not None and end[2] else None
        steps = text[: end.start()] if end is not None else text
        position = 0
        self._steps: list[_Step] = []
        while position < len(steps):
            match = _STEP.match(steps, position)
            if match is None:
                break
            self._steps.append(self._step(match[0]))
            position = match.end()
        if not self._steps or position < len(steps):
            raise PathError(f"{text!r} is not a path that is understood: {HINT}")

    def elements(self, root: Element) -> list[Element]:
        """The elements there, in document order but for `//` inside a path."""
        document = Element("document")  # an absolute path begins above the root element
        document.append(root)
        found = [document]
        for step in self._steps:
            found = step.select(found)
        return found

    def values(self, root: Element) -> list[str]:
        """At most `MAX_VALUES` texts or attributes there, stripped, without empty ones."""
        found: list[str] = []
        for element in self.elements(root):
            value = _attribute(element, *self._attribute) if self._attribute else _text(element)
            if value and value.strip():
                found.append(value.strip())
                if len(found) == MAX_VALUES:
                    break
        return found

    def _step(self, step: str) -> _Step:
        start = step.find("[")
        name, predicates = (step, "") if start < 0 else (step[:start], step[start:])
        deep = name.startswith("//")
        prefix, _, local = name.lstrip("/").rpartition(":")
        tests: list[_Test] = []
        position = 0
        while position < len(predicates):
            found = _PREDICATE.match(predicates, position)
            if found is None:
                raise PathError(f"{self.text!r}: {predicates} is not understood: {HINT}")
            tests.append(self._test(found))
            position = found.end()
        return _Step(deep, _named(self._uri(prefix), local), tests)

    def _test(self, found: re.Match[str]) -> _Test:
        number, last, space, attribute, attribute_value, whole, prefix, name, value = found.groups()
        wanted = value[1:-1] if value else None
        if number or last:
            index = int(number) - 1 if number else -1
            if number == "0":
                raise PathError(f"{self.text!r}: positions count from 1")
            return lambda siblings: siblings[index : index + 1 or None]
        if attribute:
            exactly = attribute_value[1:-1] if attribute_value else None
            uri = self._uri(space)
            return lambda siblings: [
                one
                for one in siblings
                if (has := _attribute(one, uri, attribute)) is not None and exactly in (None, has)
            ]
        if whole == ".":
            if wanted is None:
                raise PathError(f"{self.text!r}: [.] needs a value, as in [.='x']")
            return lambda siblings: [one for one in siblings if _text(one) == wanted]
        fits = _named(self._uri(prefix), name)
        return lambda siblings: [
            one
            for one in siblings
            if any(fits(child.tag) and (wanted is None or _text(child) == wanted) for child in one)
        ]

    def _uri(self, prefix: str | None) -> str:
        if not prefix:
            return ""
        if prefix not in self._namespaces:
            raise PathError(f"{self.text!r}: prefix {prefix!r} is not in `namespaces`")
        return self._namespaces[prefix]


class _Step:
    """One step: the children of what was found so far, or with `//` those of all their descendants too."""

    def __init__(self, deep: bool, fits: Callable[[str], bool], tests: list[_Test]) -> None:
        self._deep = deep
        self._fits = fits
        self._tests = tests

    def select(self, contexts: list[Element]) -> list[Element]:
        fits, tests = self._fits, self._tests
        found: list[Element] = []
        for parent in _with_descendants(contexts) if self._deep else contexts:
            siblings = [child for child in parent if fits(child.tag)]
            for test in tests:
                siblings = test(siblings)
            found += siblings
        return found


def _with_descendants(contexts: list[Element]) -> Iterator[Element]:
    seen: set[int] = set()  # one context may stand inside another; nothing is walked twice
    for context in contexts:
        waiting = [context]
        while waiting:
            element = waiting.pop()
            if id(element) not in seen:
                seen.add(id(element))
                yield element
                waiting.extend(reversed(element))


def _named(uri: str, local: str) -> Callable[[str], bool]:
    if local == "*":
        return lambda tag: True
    if uri:
        full = f"{{{uri}}}{local}"
        return lambda tag: tag == full
    ending = "}" + local
    return lambda tag: tag == local or tag.endswith(ending)


def _attribute(element: Element, uri: str, local: str) -> str | None:
    if uri:
        return element.get(f"{{{uri}}}{local}")
    found = element.get(local)
    if found is None:
        ending = "}" + local
        found = next((value for name, value in element.items() if name.endswith(ending)), None)
    return found


def _text(element: Element) -> str:
    # The first text inside, not all of it: every ancestor's whole text would be the document many times over.
    return element.text or ""
