"""Body capture of one interface: an attribute with the sealed body, and nothing where it is off.

Called by observers of any protocol (MLLP, HTTP). Off unless the interface says `capture`. It must never let a
body out unsealed.
"""

from __future__ import annotations

from collector.taps.config.capture import Capture
from tracing import attributes as names
from tracing import spans
from tracing.bodies import BodySealer
from tracing.context import SiteKey

_body = spans.string_attribute(names.BODY_SEALED)
_answer = spans.string_attribute(names.ANSWER_SEALED)


class Captor:
    """Seals the bodies of one interface."""

    def __init__(self, capture: Capture, site_key: SiteKey) -> None:
        self._capture = capture
        self._sealer = BodySealer(site_key)

    def body(self, body: bytes) -> bytes:
        """The attribute of a message; b"" for an empty one."""
        if not body or not self._capture.messages:
            return b""
        return _body(self._sealer.seal(body, self._capture.max_bytes).decode("ascii"))

    def answer(self, body: bytes) -> bytes:
        """The attribute of its answer."""
        if not body or not self._capture.answers:
            return b""
        return _answer(self._sealer.seal(body, self._capture.max_bytes).decode("ascii"))


def captor(capture: Capture | None, site_key: SiteKey) -> Captor | None:
    """What captures, None where nothing is to be captured."""
    return Captor(capture, site_key) if capture is not None else None
