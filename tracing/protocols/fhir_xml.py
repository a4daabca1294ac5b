"""FHIR R4 XML as the document that its JSON would be, so that one reader reads both (xml.html, json.html).

Called by the HTTP tap. An element's `value` is its value, always as text; elements of other namespaces (the
XHTML of a narrative) are left out. Whether an element repeats cannot be seen where it stands once: those that
nearly always may, in the resources that hospitals exchange, are lists here too. Raises nothing.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from tracing.protocols.fhir_types import RESOURCE_TYPES

NAMESPACE = "{http://hl7.org/fhir}"
_DEEPEST = 64
_LISTS = frozenset(
    [
        "entry",
        "link",
        "contained",
        "extension",
        "modifierExtension",
        "coding",
        "issue",
        "error",
        "telecom",
        "address",
        "given",
        "participant",
        "statusHistory",
        "diagnosis",
        "procedure",
        "insurance",
        "item",
        "lineItem",
        "basedOn",
        "supportingInfo",
        "careTeam",
        "detail",
        "parameter",
    ]
)
#: Of a resource a list; of a reference it is one.
_OF_RESOURCES = _LISTS | {"identifier"}
Value = str | dict[str, "Value"] | list["Value"]


def document(root: Element) -> dict[str, Value] | None:
    """The resource of a FHIR document; None where the root is no FHIR element."""
    return _resource(root, 0) if root.tag.startswith(NAMESPACE) else None


def _resource(element: Element, depth: int) -> dict[str, Value]:
    return {"resourceType": element.tag.removeprefix(NAMESPACE), **_members(element, depth, _OF_RESOURCES)}


def _members(element: Element, depth: int, lists: frozenset[str] = _LISTS) -> dict[str, Value]:
    found: dict[str, Value] = {}
    if url := element.get("url"):  # of an extension
        found["url"] = url
    if depth >= _DEEPEST:
        return found
    for child in element:
        if not child.tag.startswith(NAMESPACE):
            continue
        name = child.tag.removeprefix(NAMESPACE)
        value = _value(child, depth + 1)
        before = found.get(name)
        if isinstance(before, list):
            before.append(value)
        elif before is not None:
            found[name] = [before, value]
        else:
            found[name] = [value] if name in lists else value
    return found


def _value(element: Element, depth: int) -> Value:
    value = element.get("value")
    if value is not None:
        return value
    if len(element) == 1 and element[0].tag.removeprefix(NAMESPACE) in RESOURCE_TYPES:
        return _resource(element[0], depth)
    return _members(element, depth)
