"""What a FHIR answer says happened: errors that hide inside a success are found here.

Called by the HTTP tap. An OperationOutcome with an error, an entry of a Bundle with a 4xx or 5xx, and a
ClaimResponse that is in error are no success, whatever the HTTP status. Codes only: diagnostics and texts are
never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tracing.protocols.fhir_types import TRANSIENT_ISSUES

MAX_ISSUES = 100
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_STATUS = re.compile(r"\s*([1-5]\d\d)\b")
_ANSWERS = frozenset({"batch-response", "transaction-response"})


class Verdict(NamedTuple):
    """`outcome` is accepted, rejected or error; `reason` an issue type or error code, `detail` a code beside
    it; both may be empty. `failed` counts the entries of a Bundle that failed."""

    outcome: str
    reason: str = ""
    detail: str = ""
    failed: int = 0


class EntryVerdict(NamedTuple):
    """The answer to one entry of a Bundle; `status` 0 where it has none."""

    status: int
    verdict: Verdict
    location: str


ACCEPTED = Verdict("accepted")


def verdict(document: object, most_entries: int = 500) -> Verdict:
    """What a resource says that a server answered with; `ACCEPTED` where it says nothing against it."""
    if not isinstance(document, Mapping):
        return ACCEPTED
    name = document.get("resourceType")
    if name == "OperationOutcome":
        return issues(document)
    if name in ("ClaimResponse", "ExplanationOfBenefit", "CoverageEligibilityResponse"):
        return _adjudication(document)
    if name == "Bundle":
        return _bundle(document, most_entries)
    return ACCEPTED


def issues(outcome: Mapping[str, object]) -> Verdict:
    """The first error or fatal issue of an OperationOutcome."""
    for issue in _mappings(outcome.get("issue")):
        if issue.get("severity") in ("error", "fatal"):
            code = _code(issue.get("code"))
            how = "error" if code in TRANSIENT_ISSUES else "rejected"
            return Verdict(how, code, _coding(issue.get("details")))
    return ACCEPTED


def from_status(status: int) -> str:
    """The outcome of an HTTP status."""
    return "accepted" if status < 400 else "rejected" if status < 500 else "error"


def responses(document: object, most_entries: int = 500) -> list[EntryVerdict]:
    """The answers in a batch-response or transaction-response, one for each entry; empty if it is none."""
    if not isinstance(document, Mapping) or not _is_answer(document.get("type")):
        return []
    entries = document.get("entry")
    if not isinstance(entries, list):
        return []
    return [_response(entry) for entry in entries[:most_entries]]


def _response(entry: object) -> EntryVerdict:
    response = entry.get("response") if isinstance(entry, Mapping) else None
    if not isinstance(response, Mapping):
        return EntryVerdict(0, ACCEPTED, "")
    match = _STATUS.match(str(response.get("status", ""))[:16])
    status = int(match[1]) if match is not None else 0
    said = response.get("outcome")
    found = issues(said) if isinstance(said, Mapping) else ACCEPTED
    by_status = from_status(status)
    if by_status != "accepted":
        found = Verdict(by_status, found.reason, found.detail)
    elif found.outcome == "accepted" and isinstance(entry, Mapping):
        resource = entry.get("resource")
        if isinstance(resource, Mapping) and resource.get("resourceType") != "Bundle":
            found = verdict(resource)
    location = response.get("location")
    return EntryVerdict(status, found, location if isinstance(location, str) else "")


def _bundle(document: Mapping[str, object], most_entries: int) -> Verdict:
    kind = document.get("type")
    if _is_answer(kind):
        found = [one.verdict for one in responses(document, most_entries)]
    else:
        # A search set or a collection of answers: an OperationOutcome or a ClaimResponse among them counts.
        entries = list(_mappings(document.get("entry"), most_entries))
        found = [verdict(one.get("resource")) for one in entries if _speaks(one.get("resource"), kind)]
    failed = [one for one in found if one.outcome != "accepted"]
    if not failed:
        return ACCEPTED
    worst = next((one for one in failed if one.outcome == "error"), failed[0])
    return worst._replace(failed=len(failed))


def _is_answer(kind: object) -> bool:
    return isinstance(kind, str) and kind in _ANSWERS


def _speaks(resource: object, kind: object) -> bool:
    if not isinstance(resource, Mapping):
        return False
    name = resource.get("resourceType")
    # What a search finds are records of the past; an outcome in it is about the search itself.
    return name == "OperationOutcome" or (name == "ClaimResponse" and kind not in ("searchset", "history"))


def _adjudication(response: Mapping[str, object]) -> Verdict:
    if response.get("outcome") != "error":
        return ACCEPTED
    codes = [_coding(error.get("code")) for error in _mappings(response.get("error"))]
    reason = next(filter(None, codes), "")
    return Verdict("error", reason or "error")


def _mappings(value: object, most: int = MAX_ISSUES) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        for item in value[:most]:
            if isinstance(item, Mapping):
                yield item


def _coding(concept: object) -> str:
    if isinstance(concept, Mapping):
        for coding in _mappings(concept.get("coding")):
            code = _code(coding.get("code"))
            if code:
                return code
    return ""


def _code(value: object) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""
