"""Trace context in an HL7 v2 message: a trailing `ZTC|<traceparent>|<tracestate>` segment.

Called by the MLLP tap where an interface says `context: inject` or `context: strip`, and for every message to
see whether one came along. Receivers ignore segments they do not expect (HL7 v2.5.1 2.10.2), but not all do.
`strip(inject(m))` is `m`, byte for byte; nothing but that one segment is ever touched.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

NAME = b"ZTC"
_PARENT = rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
# W3C tracestate: printable ASCII without the separators of HL7, which would need escapes.
_STATE = rb"[ -~]{0,512}"
_MAX_LOOKS = 64
_ENDS = (b"\r\n", b"\r", b"\n")


class Carried(NamedTuple):
    """The context that a message brought along, as written."""

    traceparent: str
    tracestate: str


@lru_cache(maxsize=64)
def _form(separator: bytes) -> re.Pattern[bytes]:
    """Our segment with the line end before it and the one behind it."""
    sep = re.escape(separator)
    return re.compile(
        rb"(?P<before>\r\n|\r|\n)ZTC%b(?P<parent>%b)(?:%b(?P<state>%b))?%b{0,8}(?P<after>\r\n|\r|\n|\Z)"
        % (sep, _PARENT, sep, _STATE.replace(b" -~", _printable_but(separator)), sep)
    )


def _printable_but(separator: bytes) -> bytes:
    return b"".join(b"\\x%02x" % code for code in range(0x20, 0x7F) if code != separator[0])


def _separator(payload: bytes) -> bytes | None:
    start = payload.find(b"MSH", 0, 16)
    separator = payload[start + 3 : start + 4] if start >= 0 else b""
    return separator if separator and separator.isascii() and not separator.isalnum() else None


def _found(payload: bytes) -> re.Match[bytes] | None:
    """The last segment of ours, None where there is none."""
    if NAME not in payload:
        return None
    separator = _separator(payload)
    if separator is None or separator in b"\r\n":
        return None
    end = len(payload)
    for _ in range(_MAX_LOOKS):
        start = payload.rfind(NAME + separator, 0, end)
        if start <= 0:
            break
        before = start - 2 if payload[start - 2 : start] == b"\r\n" else start - 1
        match = _form(separator).match(payload, before)
        if match is not None:
            return match
        end = start
    return None


def carried(payload: bytes) -> Carried | None:
    """The context in a message, None where there is none or it is not well-formed."""
    match = _found(payload)
    if match is None:
        return None
    return Carried(match["parent"].decode("ascii"), (match["state"] or b"").decode("ascii"))


def inject(payload: bytes, traceparent: str, tracestate: str = "") -> bytes:
    """The message with a trailing segment; the message itself where it has one, or is no single message."""
    separator = _separator(payload)
    lead = payload[:16].partition(b"MSH")[0]
    if separator is None or separator in b"\r\n" or lead.strip(b"\r\n\t \x0b\xef\xbb\xbf"):
        return payload
    if _found(payload) is not None:
        return payload
    segment = separator.join(
        (NAME, traceparent.encode("ascii"), *([tracestate.encode()] if tracestate else []))
    )
    for end in _ENDS:
        if payload.endswith(end):
            changed = payload + segment + end
            break
    else:
        changed = payload + b"\r" + segment
    if separator == b"|" and not tracestate and NAME not in payload and payload[-1] in b"\r\n":
        return changed  # as nearly every message: nothing can be mistaken
    # What could not be taken out again is not put in.
    return changed if strip(changed) == payload else payload


def strip(payload: bytes) -> bytes:
    """The message without the segment that `inject` added, or as it is where there is none."""
    match = _found(payload)
    if match is None:
        return payload
    if match["after"]:  # the line end before it is the one of the segment before it
        return payload[: match.end("before")] + payload[match.end("after") :]
    return payload[: match.start("before")] + payload[match.end() :]
