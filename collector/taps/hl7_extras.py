"""What an interface may want to know of a message beside its keys: sent before, its shape, the body itself.

Called by `observe_hl7` for every message, so each of them has to cost next to nothing where nothing is new.
Shapes are taken of so many messages a second; in a flood, the messages come first.
"""

from __future__ import annotations

from collector.taps.capture import Captor
from collector.taps.config import MllpInterface
from collector.taps.resent import Resent
from tracing import attributes as names
from tracing import spans
from tracing.protocols.hl7v2_structure import Structure, Structures

SLICE_NS = 100_000_000
_SHOWN = 512
_attempt = spans.int_attribute(names.ATTEMPT)
_structure = spans.string_attribute(names.STRUCTURE)
_shape = spans.string_attribute(names.STRUCTURE_SHAPE)


class Extras:
    """Of one interface."""

    def __init__(self, interface: MllpInterface, captor: Captor | None) -> None:
        self.answers = captor is not None
        """Whether answers are wanted as they are, not only what they say."""
        self._captor = captor
        self._resent = Resent(interface.resent_memory) if interface.resent_memory else None
        self._structures = Structures(interface.structure_codes) if interface.structure else None
        self._share = max(1, interface.structures_per_second * SLICE_NS // 1_000_000_000)
        self._left = 0
        self._until = 0
        self._shown: dict[Structure, bytes] = {}

    def of(self, payload: bytes, start_ns: int) -> bytes:
        """The attributes of a message that arrived at `start_ns`."""
        found = b""
        if self._resent is not None:
            attempt = self._resent.attempt(payload, start_ns)
            if attempt > 1:
                found = _attempt(attempt)
        if self._structures is not None:
            if not 0 < self._until - start_ns <= SLICE_NS:
                self._until = start_ns + SLICE_NS
                self._left = self._share
            if self._left:
                self._left -= 1
                structure = self._structures.of(payload)
                if structure is not None:
                    found += self._shown.get(structure) or self._show(structure)
        if self._captor is not None:
            found += self._captor.body(payload)
        return found

    def body(self, payload: bytes) -> bytes:
        """The attribute of a captured body alone."""
        return self._captor.body(payload) if self._captor is not None else b""

    def _show(self, structure: Structure) -> bytes:
        """The fingerprint with what it stands for: so that a new one can be understood."""
        if len(self._shown) >= _SHOWN:
            self._shown.clear()
        fingerprint = self._shown[structure] = _structure(structure.fingerprint)
        return fingerprint + _shape(structure.shape)
