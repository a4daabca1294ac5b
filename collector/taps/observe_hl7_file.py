"""A file of HL7 v2 messages becomes a span per message.

Called by the folder tap and by `replay`. The messages are read by the same observer that reads them on the
wire; an acknowledgement stored behind its message says how it went, and without one a message that was stored
counts as accepted. It must never raise.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import tzinfo

from collector.archives.hl7_files import Stored, stored_messages
from collector.archives.times import hl7_time
from collector.taps.config import FolderInterface, MllpInterface
from collector.taps.hops import Hop, KeyEncoder, Sink
from collector.taps.observe_files import RECEIVE, Recorded, Recorder
from collector.taps.observe_hl7 import Answer, Hl7Observer
from tracing import attributes as names
from tracing import spans
from tracing.protocols.hl7v2 import Message, NotHL7, compile_path, parse

OUTSTANDING = 64
"""Messages an acknowledgement is looked for among."""
_FORWARD = spans.attribute(names.OPERATION_NAME, "forward")
_TYPE = compile_path("MSH-9.1")
_TIMES = (compile_path("MSH-7.1"), compile_path("EVN-2.1"))


class Hl7FileObserver(Recorded):
    """Reads the files of one interface, or the archive of an MLLP interface.

    `unanswered` is the outcome of a message without an acknowledgement beside it.
    """

    def __init__(
        self,
        interface: FolderInterface | MllpInterface,
        keys: KeyEncoder,
        sink: Sink,
        unanswered: str = "accepted",
    ) -> None:
        self._folder = isinstance(interface, FolderInterface)
        self._messages = Hl7Observer(_as_mllp(interface), keys, sink)
        if self._folder:
            self._messages._encode = spans.prepared_span(
                f"receive {interface.name}".encode(), spans.KIND_CONSUMER
            )
        self._record = Recorder(interface, keys, sink)
        self._unanswered = unanswered
        self._waiting: OrderedDict[int, tuple[Hop, int]] = OrderedDict()

    @property
    def unread(self) -> int:
        """Places and messages that could not be read."""
        return self._record.unread + self._messages.unread

    def observe(self, data: bytes, at_ns: int, *, skip: int = 0, zone: tzinfo | None = None) -> int:
        """Record every message of a file; the number of spans."""
        record = self._record
        record.begin()
        why = "not_hl7"
        try:
            for one in stored_messages(data, skip):
                record.place = one.offset
                if isinstance(one, Stored):
                    self._message(one, at_ns, zone)
                else:
                    record.trouble(one.why, "byte", one.offset, one.unread)
            if not data.strip():
                record.trouble("the file is empty", "byte", 0, True)
        except Exception:  # one file that nobody foresaw must not stop the folder
            why = "failed"
            record.trouble("the reader failed", "byte", record.place, True)
        while self._waiting:
            self._settle(next(iter(self._waiting)))
        return record.end(data, at_ns, why)

    def _message(self, one: Stored, at_ns: int, zone: tzinfo | None) -> None:
        try:
            message = parse(one.payload)
        except NotHL7:
            self._record.trouble("not an HL7 message", "byte", one.offset, True)
            return
        at = at_ns if zone is None else _time(message, zone) or at_ns
        if message.value(_TYPE) == "ACK" or (message.ack_code and message.value(_TYPE) == "MCF"):
            answer = Answer(one.payload)
            asked = next(
                (at for at, (hop, _) in self._waiting.items() if hop.control_id == answer.control_id), None
            )
            if asked is not None:
                hop, place = self._waiting.pop(asked)
                self._emit(hop, place, answer, max(at, hop.start_ns))
            return
        hop = self._messages.read(one.payload, at)
        if self._folder:
            hop.head = hop.head.replace(_FORWARD, RECEIVE, 1)
        self._waiting[one.offset] = (hop, one.offset)
        if len(self._waiting) > OUTSTANDING:
            self._settle(next(iter(self._waiting)))

    def _settle(self, offset: int) -> None:
        hop, place = self._waiting.pop(offset)
        self._emit(hop, place, None, hop.start_ns)

    def _emit(self, hop: Hop, place: int, answer: Answer | None, end_ns: int) -> None:
        self._record.place = place
        if answer is not None:
            self._messages.answered(hop, answer, end_ns)
        else:
            self._messages.unanswered(hop, end_ns, self._unanswered)
        self._record.recorded += 1


def _time(message: Message, zone: tzinfo) -> int | None:
    for path in _TIMES:
        found = hl7_time(message.value(path), zone)
        if found is not None:
            return found
    return None


def _as_mllp(interface: FolderInterface | MllpInterface) -> MllpInterface:
    """The interface as the reader of messages knows it; nothing listens."""
    if isinstance(interface, MllpInterface):
        return interface
    return MllpInterface(
        kind="mllp",
        name=interface.name,
        source=interface.source,
        destination=interface.destination,
        facility=interface.facility,
        authority=interface.authority,
        priority=interface.priority,
        listen="127.0.0.1:0",
        upstream="127.0.0.1:9",
        keys=interface.hl7_keys,
        attributes=interface.attributes,
        measures=interface.hl7_measures,
    )
