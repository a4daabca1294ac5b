"""FHIR R4 JSON: the business keys of a resource, and the entries of a Bundle.

Called by the HTTP tap for requests and answers. Bytes in, tuples out; the verdict of an answer is
`fhir_outcome`'s. What is malformed is a `FhirError` that says where, in names FHIR defines and numbers only,
so that a place may be recorded; in a Bundle it is an entry's own `problem`, and the others still count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tracing.protocols.fhir_rest import Interaction, interaction
from tracing.protocols.fhir_types import (
    COMMON_REFERENCES,
    ID_KINDS,
    IDENTIFIER_KINDS,
    IDENTIFIER_TYPES,
    PRIVATE_AUTHORITIES,
    PRIVATE_IDENTIFIER_TYPES,
    REFERENCES,
    RESOURCE_TYPES,
)
from tracing.protocols.json_body import JsonError, decode

MAX_KEYS = 32
MAX_REPEATS = 64
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_REFERENCE = re.compile(
    r"(?:(https?://[A-Za-z0-9.:\[\]_-]{1,255}(?:/[A-Za-z0-9._~-]{1,64}){0,16})/)?"
    r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?"
)
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]{1,63})\?(.{1,1024})", re.DOTALL)
_REQUESTING = frozenset({"transaction", "batch"})
REQUEST_BUNDLES = frozenset({"transaction", "batch", "message", "document", "collection"})

Json = Mapping[str, object]


class FhirError(ValueError):
    """No FHIR resource; `place` is `line:column` of damaged JSON or the element that is wrong."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place or 'body'}: {why}")
        self.place = place


class Found(NamedTuple):
    """One key. With `server`, `value` is a logical ID there ("" is the server itself); else an identifier
    of `system` (a URI, may be empty)."""

    kind: str
    value: str
    system: str = ""
    server: str | None = None


@dataclass
class Entry:
    """One entry of a Bundle: what it asks for, its keys, and which other entries it refers to."""

    type: str = ""
    interaction: Interaction | None = None
    resource: Json = field(default_factory=dict)
    keys: list[Found] = field(default_factory=list)
    refers_to: list[int] = field(default_factory=list)
    problem: str = ""


@dataclass
class Resource:
    """A resource as far as a tap needs it. A Bundle has `total` entries, the first of them in `entries`."""

    type: str
    document: Json
    keys: list[Found] = field(default_factory=list)
    bundle: str = ""
    total: int = 0
    entries: list[Entry] = field(default_factory=list)


def read(body: bytes, most_entries: int = 500) -> Resource:
    """The resource in `body` (UTF-8 JSON). Raises FhirError, nothing else."""
    try:
        document = decode(body)
    except JsonError as error:
        raise FhirError(error.place, "not JSON") from None
    return read_document(document, most_entries)


def read_document(document: object, most_entries: int = 500) -> Resource:
    """The same for decoded JSON. Raises FhirError."""
    name = resource_type(document, "")
    assert isinstance(document, Mapping)
    if name != "Bundle":
        return Resource(name, document, keys(document))
    kind = document.get("type")
    entries = document.get("entry", [])
    if not isinstance(kind, str) or not re.fullmatch(r"[a-z-]{1,32}", kind):
        raise FhirError("Bundle.type", "a code is expected")
    if not isinstance(entries, list):
        raise FhirError("Bundle.entry", "a list is expected")
    found = Resource(name, document, bundle=kind, total=len(entries))
    if kind in REQUEST_BUNDLES:
        found.entries = _entries(entries[:most_entries], kind in _REQUESTING)
    return found


def resource_type(document: object, place: str) -> str:
    """The type of a decoded resource. Raises FhirError with `place` before the element's name."""
    if not isinstance(document, Mapping):
        raise FhirError(place, "a resource is expected")
    name = document.get("resourceType")
    at = f"{place}.resourceType" if place else "resourceType"
    if not isinstance(name, str):
        raise FhirError(at, "it is missing")
    if name not in RESOURCE_TYPES:
        raise FhirError(at, "FHIR has no resource type of this name")
    return name


def keys(
    resource: Json, entries: Mapping[str, int] | None = None, refers: list[int] | None = None
) -> list[Found]:
    """The business keys of a resource: identifiers first, then its logical ID, then what it refers to.

    `entries` maps the full URLs of a Bundle to their places; those it refers to are added to `refers`.
    """
    name = str(resource.get("resourceType"))
    found = own_keys(resource)
    contained = {
        f"#{one.get('id')}": one for one in _list(resource.get("contained")) if isinstance(one, Mapping)
    }
    for path, default in REFERENCES.get(name, COMMON_REFERENCES):
        referred: list[Found] = []
        for reference in _walk(resource, path.split(".")):
            target = reference.get("reference")
            if isinstance(target, str) and target in contained:
                referred += own_keys(contained[target])
            elif isinstance(target, str) and entries is not None and target in entries:
                if refers is not None:
                    refers.append(entries[target])
            else:
                referred += reference_keys(reference, default)
        if path == "item.encounter" and len({one.value for one in referred}) > 1:
            continue  # a claim for several encounters must not make them one
        found += referred
    return list(dict.fromkeys(found))[:MAX_KEYS]


def own_keys(resource: Json) -> list[Found]:
    """The keys that name this very resource: its identifiers, then its logical ID."""
    name = str(resource.get("resourceType"))
    default = IDENTIFIER_KINDS.get(name)
    found: list[Found] = []
    if default is not None:
        for identifier in _list(resource.get("identifier")):
            found += identifier_key(identifier, default)
    kind, identifier = ID_KINDS.get(name), resource.get("id")
    if kind is not None and isinstance(identifier, str) and _ID.fullmatch(identifier):
        found.append(Found(kind, identifier, server=""))
    return found


def links(resource: Json) -> list[tuple[str, list[Found]]]:
    """Patient.link (R4 8.1.11): type (`replaced-by`, `replaces`, `refer`, `seealso`) and the other's keys."""
    found = []
    for link in _list(resource.get("link")):
        other = link.get("other") if isinstance(link, Mapping) else None
        kind = link.get("type") if isinstance(link, Mapping) else None
        if isinstance(other, Mapping) and isinstance(kind, str):
            found.append((kind, reference_keys(other, "Patient")))
    return found


def identifier_key(identifier: object, default: str) -> list[Found]:
    """The key of an Identifier, or none: old ones, and kinds no hospital system is joined by, are none."""
    if not isinstance(identifier, Mapping):
        return []
    value, system = identifier.get("value"), identifier.get("system")
    if not isinstance(value, str) or not value.strip() or identifier.get("use") == "old":
        return []
    if isinstance(system, str) and system.strip().upper().removeprefix("URN:OID:") in PRIVATE_AUTHORITIES:
        return []
    kind = default
    for code in _codes(identifier.get("type")):
        if code in PRIVATE_IDENTIFIER_TYPES:
            return []
        kind = IDENTIFIER_TYPES.get(code, kind)
    return [Found(kind, value.strip(), system if isinstance(system, str) else "")]


def reference_keys(reference: Json, default: str = "") -> list[Found]:
    """The keys of a Reference: literal (`Encounter/1`, absolute, conditional), then logical by identifier."""
    found: list[Found] = []
    target = reference.get("reference")
    named = reference.get("type")
    expected = named if isinstance(named, str) and _TYPE.fullmatch(named) else default
    if isinstance(target, str):
        found += target_keys(target)
    kind = IDENTIFIER_KINDS.get(expected)
    if kind is not None:
        found += identifier_key(reference.get("identifier"), kind)
    return found


def target_keys(target: str, default_type: str = "") -> list[Found]:
    """The key of a reference as text; a bare ID (in a search parameter) is one of `default_type`."""
    if len(target) > 1400:
        return []
    match = _REFERENCE.fullmatch(target)
    if match is not None:
        kind = ID_KINDS.get(match[2])
        return [Found(kind, match[3], server=match[1] or "")] if kind is not None else []
    conditional = _CONDITIONAL.fullmatch(target)
    if conditional is not None:
        asked = interaction("GET", target, "")
        return query_keys(asked) if asked is not None else []
    kind = ID_KINDS.get(default_type)
    if kind is not None and _ID.fullmatch(target):
        return [Found(kind, target, server="")]
    return []


_PARAMETERS = {
    "encounter": "Encounter",
    "patient": "Patient",
    "subject": "",
    "account": "Account",
    "based-on": "",
    "appointment": "Appointment",
    "request": "",
    "claim": "Claim",
}


def query_keys(asked: Interaction) -> list[Found]:
    """The keys in the query of a search or of a conditional write; those with several values give none."""
    found: list[Found] = []
    for name, value in asked.query:
        parameter, _, modifier = name.partition(":")
        if not value or "," in value:
            continue
        if parameter == "identifier" and (kind := IDENTIFIER_KINDS.get(asked.type)):
            system, bar, number = value.rpartition("|")
            if number:
                found.append(Found(kind, number, system if bar else ""))
        elif parameter == "_id" and (kind := ID_KINDS.get(asked.type)) and _ID.fullmatch(value):
            found.append(Found(kind, value, server=""))
        elif parameter in _PARAMETERS and modifier != "identifier":
            found += target_keys(value, modifier or _PARAMETERS[parameter])
    return found[:MAX_KEYS]


def location_keys(location: str) -> list[Found]:
    """The key of what a server created, from its `Location`, with or without a version at its end."""
    match = _REFERENCE.search(location[-400:])
    kind = ID_KINDS.get(match[2]) if match is not None else None
    return [Found(kind, match[3], server="")] if match is not None and kind is not None else []


def url_keys(asked: Interaction) -> list[Found]:
    """The keys in the URL of a request: its ID, then its query."""
    kind = ID_KINDS.get(asked.type)
    found = [Found(kind, asked.id, server="")] if kind is not None and asked.id else []
    return found + query_keys(asked)


def _entries(entries: list[object], requesting: bool) -> list[Entry]:
    places: dict[str, int] = {}
    for index, entry in enumerate(entries):
        url = entry.get("fullUrl") if isinstance(entry, Mapping) else None
        if isinstance(url, str):
            places.setdefault(url, index)
    return [_entry(entry, index, places, requesting) for index, entry in enumerate(entries)]


def _entry(entry: object, index: int, places: Mapping[str, int], requesting: bool) -> Entry:
    place = f"Bundle.entry[{index}]"
    found = Entry()
    if not isinstance(entry, Mapping):
        found.problem = place
        return found
    resource, request = entry.get("resource"), entry.get("request")
    if isinstance(request, Mapping):
        method, url = request.get("method"), request.get("url")
        if isinstance(method, str) and isinstance(url, str):
            base = None if "://" in url else ""
            target = "/" + url.partition("://")[2].partition("/")[2] if base is None else url
            found.interaction = interaction(method, target, base)
        if found.interaction is None:
            found.problem = f"{place}.request"
        else:
            found.type = found.interaction.type
            found.keys += url_keys(found.interaction)
    elif requesting:
        found.problem = f"{place}.request"
    if resource is not None:
        try:
            found.type = resource_type(resource, f"{place}.resource")
        except FhirError as error:
            found.problem = error.place
            return found
        assert isinstance(resource, Mapping)
        found.resource = resource
        own = keys(resource, places, found.refers_to)
        found.keys = list(dict.fromkeys(own + found.keys))[:MAX_KEYS]
    return found


def _walk(value: object, path: list[str]) -> Iterator[Json]:
    for item in _list(value):
        if isinstance(item, Mapping):
            if path:
                yield from _walk(item.get(path[0]), path[1:])
            else:
                yield item


def _list(value: object) -> list[object]:
    if isinstance(value, list):
        return value[:MAX_REPEATS]
    return [] if value is None else [value]


def _codes(concept: object) -> Iterator[str]:
    if isinstance(concept, Mapping):
        for coding in _list(concept.get("coding")):
            code = coding.get("code") if isinstance(coding, Mapping) else None
            if isinstance(code, str):
                yield code
