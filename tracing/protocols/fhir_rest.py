"""Which interaction of the FHIR RESTful API a request is (R4, http.html; R5 adds nothing to it).

Called by the HTTP tap for requests and by `fhir` for the entries of a Bundle. It must never give back what a
client wrote, only names that FHIR defines: ID and version are apart, for keys.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from tracing.protocols.fhir_types import OPERATIONS, RESOURCE_TYPES

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_WRITES = {"PUT": "update", "PATCH": "patch", "DELETE": "delete"}
MAX_PARAMETERS = 100


class Interaction(NamedTuple):
    """`operation` and `type` are names FHIR defines (or empty), `template` is what may be recorded."""

    name: str
    type: str
    template: str
    operation: str = ""
    id: str = ""
    query: tuple[tuple[str, str], ...] = ()


def interaction(method: str, target: str, base: str | None = None) -> Interaction | None:
    """The interaction of `method` on `target`, a path with query; None if it is none.

    `base` is the server's path, such as `/fhir/r4`. Where it is None, it is what stands before the first
    name that FHIR defines. An entry's relative `Encounter/1` is read with base "".
    """
    path, _, query = target.partition("?")
    if len(path) > 4096:
        return None
    segments = [unquote(segment) for segment in path.split("/") if segment]
    if base is None:
        start = next((i for i, segment in enumerate(segments) if _begins(segment)), len(segments))
        detected = start < len(segments)
        segments = segments[start:]
        if not detected and method != "POST":
            return None
    else:
        prefix = [segment for segment in base.split("/") if segment]
        if segments[: len(prefix)] != prefix:
            return None
        segments = segments[len(prefix) :]
    found = _read(method, segments, bool(query))
    if found is None:
        return None
    parameters = _parameters(query)
    return found._replace(query=parameters) if parameters else found


def _begins(segment: str) -> bool:
    return segment in RESOURCE_TYPES or segment in ("metadata", "_history", "_search") or segment[:1] == "$"


def _read(method: str, segments: list[str], has_query: bool) -> Interaction | None:
    reads = method in ("GET", "HEAD")
    if not segments:
        if method == "POST":
            return Interaction("batch", "", "POST /")  # its Bundle says whether it is a transaction
        return Interaction("search", "", f"{method} /") if reads and has_query else None
    first = segments[0]
    if first not in RESOURCE_TYPES:
        return _system(method, segments, reads)
    rest = segments[1:]
    if not rest:
        return _type(method, first, reads, has_query)
    if rest[0] == "_search":
        known = method in ("POST", "GET") and len(rest) == 1
        return Interaction("search", first, f"{method} /{first}/_search") if known else None
    if rest[0] == "_history":
        known = reads and len(rest) == 1
        return Interaction("history", first, f"{method} /{first}/_history") if known else None
    if rest[0][:1] == "$":
        return _operation(method, first, f"/{first}", rest) if len(rest) == 1 else None
    return _instance(method, first, rest, reads)


def _system(method: str, segments: list[str], reads: bool) -> Interaction | None:
    first = segments[0]
    if len(segments) > 1:
        return None
    if first == "metadata":
        return (
            Interaction("capabilities", "", f"{method} /metadata") if reads or method == "OPTIONS" else None
        )
    if first == "_history":
        return Interaction("history", "", f"{method} /_history") if reads else None
    if first == "_search":
        return Interaction("search", "", f"{method} /_search") if method == "POST" else None
    return _operation(method, "", "", segments) if first[:1] == "$" else None


def _type(method: str, name: str, reads: bool, has_query: bool) -> Interaction | None:
    if method == "POST":
        return Interaction("create", name, f"POST /{name}")
    if reads:
        return Interaction("search", name, f"{method} /{name}")
    if method in _WRITES and has_query:  # conditional: the query says which one
        return Interaction(_WRITES[method], name, f"{method} /{name}")
    return None


def _instance(method: str, name: str, rest: list[str], reads: bool) -> Interaction | None:
    identifier = rest[0]
    if not _ID.fullmatch(identifier):
        return None
    template = f"/{name}/{{id}}"
    if len(rest) == 1:
        does = "read" if reads else _WRITES.get(method)
        return Interaction(does, name, f"{method} {template}", id=identifier) if does else None
    second = rest[1]
    if second == "_history" and len(rest) <= 3:
        if len(rest) == 2:
            return (
                Interaction("history", name, f"{method} {template}/_history", id=identifier)
                if reads
                else None
            )
        does = "vread" if reads else "delete" if method == "DELETE" else ""
        return (
            Interaction(does, name, f"{method} {template}/_history/{{vid}}", id=identifier) if does else None
        )
    if len(rest) != 2:
        return None
    if second[:1] == "$":
        found = _operation(method, name, template, rest[1:])
        return found._replace(id=identifier) if found is not None else None
    if reads and (second == "*" or second in RESOURCE_TYPES):  # a compartment: what belongs to this instance
        return Interaction("search", name if second == "*" else second, f"{method} {template}/{second}")
    return None


def _operation(method: str, name: str, template: str, rest: list[str]) -> Interaction | None:
    if method not in ("GET", "POST", "HEAD", "PUT", "DELETE"):
        return None
    operation = rest[0] if rest[0] in OPERATIONS else "$*"
    return Interaction("operation", name, f"{method} {template}/{operation}", operation)


def _parameters(query: str) -> tuple[tuple[str, str], ...]:
    if not query:
        return ()
    try:
        return tuple(parse_qsl(query, max_num_fields=MAX_PARAMETERS))
    except ValueError:
        return ()
