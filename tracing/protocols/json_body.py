"""JSON bodies: decoded fast, and where they are damaged, located.

Called by the HTTP tap and by the FHIR reader. orjson reads what is well-formed three times as fast as the
standard library, which reads the rest (a byte order mark, NaN) or says where it went wrong. It must never
raise anything but `JsonError`.
"""

from __future__ import annotations

import json

import orjson


class JsonError(ValueError):
    """No JSON; `place` is `line:column`, both from 1, or empty where it cannot be told."""

    def __init__(self, place: str) -> None:
        super().__init__(f"not JSON at {place}" if place else "not JSON")
        self.place = place


def decode(body: bytes) -> object:
    """The document. Raises JsonError."""
    try:
        found: object = orjson.loads(body)
        return found
    except ValueError:
        pass
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise JsonError(f"{error.lineno}:{error.colno}") from None
    except UnicodeDecodeError as error:
        before = body[: error.start]
        line_start = before.rfind(b"\n") + 1
        raise JsonError(f"{before.count(10) + 1}:{error.start - line_start + 1}") from None
    except (ValueError, RecursionError):
        raise JsonError("") from None
