"""Where a system of a process is spoken to: REST routes or HL7 types, taken, refused or left unanswered.

A system names what it takes; each thing is acted upon once, however often it comes. Used by the peers in
`simulator.processes`; connections are `listeners`' business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from simulator import messages
from simulator.agenda import Agenda
from simulator.fates import Fates, Refusals
from simulator.messages import ControlIds, Refusal
from tracing.protocols import hl7v2

Document = dict[str, Any]
Act = Callable[[str, Document, float], None]
"""What is done about (number, document with the path's parameters, now), once."""
Hl7Act = Callable[[str, hl7v2.Message, float], None]
NumberOf = Callable[[hl7v2.Message], str]

_PARAMETER = re.compile(r"\{(\w+)\}")
_REFUSED = Refusal("AR", "204", "Unknown key identifier")
_DOWN = Refusal("AE", "207", "Application internal error")


class RestDoor:
    """One system's REST interface; everything is POST."""

    def __init__(self, agenda: Agenda, fates: Fates, system: str) -> None:
        self._agenda, self._refusals, self._system = agenda, Refusals(fates), system
        self._routes: list[tuple[re.Pattern[str], str, str, str, Act]] = []
        self._done: set[tuple[str, str]] = set()

    def on(self, template: str, number: str, refusal: str, act: Act) -> None:
        """Take POSTs to a path template; `number` names the field or parameter that says what it is about."""
        pattern = re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", template))
        self._routes.append((pattern, f"POST {template}", number, refusal, act))

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and JSON body: 201, 400, 404, 405, 422 with the route's code, or 500."""
        for pattern, message, field, refusal, act in self._routes:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if method != "POST":
                return 405, _json(code="method_not_allowed")
            try:
                document = {**json.loads(body), **found.groupdict()}
                number = numbered(document, field)
            except (ValueError, KeyError, TypeError):
                return 400, _json(code="malformed_document")
            return self._take(message, number, refusal, partial(act, number, document))
        return 404, _json(code="not_found")

    def _take(
        self, message: str, number: str, refusal: str, act: Callable[[float], None]
    ) -> tuple[int, bytes]:
        verdict = self._refusals.judge(f"{self._system} {message}", number, self._agenda.now)
        if verdict == "refused":
            return 422, _json(code=refusal)
        if verdict == "unavailable":
            return 500, _json(code="internal_error")
        if (message, number) not in self._done:
            self._done.add((message, number))
            act(self._agenda.now)
        return 201, _json(status="taken", number=number)


def numbered(document: Document, field: str) -> str:
    """The number in a field, with the revision of something that was done again. KeyError without one."""
    revision = document.get("revision", 1)
    return f"{document[field]}/{revision}" if revision != 1 else str(document[field])


class Hl7Door:
    """One system's MLLP interface."""

    def __init__(self, agenda: Agenda, fates: Fates, system: str, prefix: str) -> None:
        self._agenda, self._refusals, self._system = agenda, Refusals(fates), system
        self._ack_ids = ControlIds(prefix)
        self._types: dict[str, tuple[NumberOf, Hl7Act]] = {}
        self._done: set[tuple[str, str]] = set()

    def on(self, kind: str, number: NumberOf, act: Hl7Act) -> None:
        """Take messages of a type ("ORM^O01", or "ADT" for all of its events)."""
        self._types[kind] = number, act

    def takes(self, message: hl7v2.Message) -> bool:
        """Whether this door is for such messages."""
        return bool(self._found(message))

    def receive(self, payload: bytes) -> bytes | None:
        """The acknowledgement; None for what is no HL7, and for a receiver that stays silent."""
        try:
            message = hl7v2.parse(payload)
        except hl7v2.NotHL7:
            return None
        now = self._agenda.now
        found = self._found(message)
        if found is None:
            return self._answer(message, now, _REFUSED)
        number, act = found[0](message), found[1]
        verdict = self._refusals.judge(f"{self._system} {message.message_type}", number, now)
        if verdict == "silent":
            return None
        if verdict:
            return self._answer(message, now, _REFUSED if verdict == "refused" else _DOWN)
        if (message.control_id, number) not in self._done:
            self._done.add((message.control_id, number))
            act(number, message, now)
        return self._answer(message, now, None)

    def _found(self, message: hl7v2.Message) -> tuple[NumberOf, Hl7Act] | None:
        kind = message.message_type
        return self._types.get(kind) or self._types.get(kind.partition("^")[0])

    def _answer(self, message: hl7v2.Message, now: float, no: Refusal | None) -> bytes:
        event, sender = message.get("MSH-9.2") or "", message.get("MSH-3") or ""
        ack_id = self._ack_ids.next(now)
        return messages.ack(event, self._system.upper(), sender, message.control_id, ack_id, now, no)


def _json(**values: str) -> bytes:
    return json.dumps(values).encode()
