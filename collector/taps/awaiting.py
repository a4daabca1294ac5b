"""Messages that were received and are not yet processed: enhanced mode of HL7 v2 (HL7 v2.5.1 2.9.3).

Shared by the MLLP taps of a process, because the application's acknowledgement may come back on another
connection, or over another interface that says `acknowledges`. Bounded: the oldest are forgotten, and then
their acknowledgement is a message like any other.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collector.taps.hops import Hop
    from collector.taps.observe_hl7 import Hl7Observer

MAX_AWAITING = 4096


class Awaiting:
    """By interface and control ID; of two messages with one ID, the later."""

    def __init__(self) -> None:
        self._hops: OrderedDict[tuple[str, str], tuple[Hl7Observer, Hop]] = OrderedDict()

    def put(self, interface: str, control_id: str, observer: Hl7Observer, hop: Hop) -> None:
        """A commit acknowledgement has come for `hop`."""
        self._hops[interface, control_id] = (observer, hop)
        self._hops.move_to_end((interface, control_id))
        if len(self._hops) > MAX_AWAITING:
            self._hops.popitem(last=False)

    def take(self, interface: str, control_id: str) -> tuple[Hl7Observer, Hop] | None:
        """The message that an application acknowledges now, once, with who records it; None if unknown."""
        return self._hops.pop((interface, control_id), None)
