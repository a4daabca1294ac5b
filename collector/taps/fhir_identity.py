"""What FHIR resources say about identity: linked patients (Patient.link), encounters that are cancelled.

Called by `observe_fhir` and `observe_lines` for what is written, not for what is read. It must never raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from collector.archives.times import nanoseconds
from collector.taps.hops import Encoded, KeyEncoder
from collector.taps.identity import Change, encode, pairs
from tracing.keys import Key
from tracing.protocols import fhir

KeysOf = Callable[[Iterable[fhir.Found]], list[Key]]
_CANCELLED = frozenset({"cancelled", "entered-in-error"})


def identity(resource: fhir.Json, keys_of: KeysOf, keys: KeyEncoder) -> bytes:
    """`journey.identity` of a resource, or nothing."""
    if resource.get("resourceType") not in ("Patient", "Encounter"):
        return b""
    own = keys.numbers(keys_of(fhir.own_keys(resource)))
    if resource.get("resourceType") == "Patient":
        changes = list(_linked(resource, own, keys_of, keys))
    else:
        cancelled = own and resource.get("status") in _CANCELLED
        changes = [Change("cancel", "visit", None, own[0])] if cancelled else []
    return encode(changes, updated(resource)) if changes else b""


def _linked(resource: fhir.Json, own: list[Encoded], keys_of: KeysOf, keys: KeyEncoder) -> Iterator[Change]:
    for kind, found in fhir.links(resource):
        for other, this in pairs(keys.numbers(keys_of(found)), own):
            if kind == "replaced-by":
                yield Change("merge", "patient", this, other)
            elif kind == "replaces":
                yield Change("merge", "patient", other, this)
            elif kind in ("seealso", "refer"):
                yield Change("link", "patient", other, this)


def updated(resource: fhir.Json) -> int | None:
    """`meta.lastUpdated`, when the server stored this version (R4 2.27.3); None where it does not say."""
    meta = resource.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, dict) else None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return max(nanoseconds(moment), 1) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
