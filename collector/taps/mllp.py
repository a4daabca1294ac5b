"""The MLLP tap: which acknowledgement belongs to which message on one connection.

A `relay.Watcher`; bytes pass in `relay`, spans are made in `observe_hl7`. Pairing is by MSA-2 and, where an
acknowledgement names no control ID, by order (HL7 v2.5.1 2.9.2). One that comes late or names another message
is recorded as such. It must never acknowledge anything, nor take the next message's acknowledgement for one
that is missing.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from collector.taps.awaiting import Awaiting
from collector.taps.config import MllpInterface
from collector.taps.fast_hl7 import accepts
from collector.taps.hl7_answer import COMMIT, Answer
from collector.taps.hl7_batch import BatchHop
from collector.taps.hops import Hop
from collector.taps.observe_hl7 import Hl7Observer
from tracing.protocols.mllp import Deframer, Frame, Junk
from tracing.spans import link

REMEMBERED = 32
MAX_OUTSTANDING = 4096
BEGINNING = 64 << 10
"""Of a message over the limit, so many bytes are read."""
_UNSETTLED = frozenset({"timeout", "mismatched", "none"})


@dataclass
class MllpCounters:
    """What passed on one interface since the process started."""

    messages: int = 0
    batches: int = 0
    acknowledgements: int = 0
    processed: int = 0
    junk_bytes: int = 0
    empty: int = 0
    late: int = 0
    mismatched: int = 0
    unsolicited: int = 0
    repeated: int = 0
    timeouts: int = 0
    unanswered: int = 0


class MllpWatcher:
    """Looks on at one MLLP connection."""

    def __init__(
        self,
        interface: MllpInterface,
        observer: Hl7Observer,
        counters: MllpCounters,
        awaiting: Awaiting | None = None,
    ) -> None:
        self._observer = observer
        self._counters = counters
        self._awaiting = awaiting if awaiting is not None else Awaiting()
        self._interface = interface
        # Where application acknowledgements of another interface come over this one, each message may be one.
        self._read = observer.read if interface.acknowledges is None else self._read_returning
        self._timeout_ns = int(interface.ack_timeout_seconds * 1e9)
        self._requests = Deframer(interface.max_message_bytes)
        self._responses = Deframer(interface.max_message_bytes)
        self._outstanding: deque[Hop] = deque()
        # The hop where another answer may still change it, else its control ID.
        self._settled: deque[Hop | str] = deque(maxlen=REMEMBERED)
        self._longest = interface.max_message_bytes
        # Nothing of an unfinished block is held: the next read may be taken as it is.
        self._requests_clean = True
        self._responses_clean = True
        self._oversize = 0
        self._beginning = b""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether an acknowledgement is outstanding, or a message half received."""
        return bool(self._outstanding) or self._requests.pending > 0 or self._oversize > 0

    def is_block(self, data: bytes) -> bool:
        """Whether a read is one whole block with a message in it."""
        size = len(data) - 2
        return (
            4 < size <= self._longest and data.find(b"\x1c") == size and data[0] == 0x0B and data[-1] == 0x0D
        )

    def request(self, data: bytes, now_ns: int) -> None:
        """Messages, and whatever else a sender writes."""
        size = len(data) - 2
        if (
            self._requests_clean
            and 4 < size <= self._longest
            and data.find(b"\x1c") == size
            and data[0] == 0x0B
            and data[-1] == 0x0D
        ):
            # Nearly every read is one whole block; a commit of MLLP release 2 is shorter.
            self._message(self._read(data[1:-2], now_ns))
            return
        items = self._requests.feed(data)
        self._requests_clean = between_blocks(self._requests, items)
        for item in items:
            if isinstance(item, Frame):
                self._frame(item, now_ns)
            else:
                self._junk(item, now_ns)
        if self._requests.awaiting_cr:
            # Some senders leave the final CR out, and some receivers answer without it.
            self._flush_requests(now_ns)

    def response(self, data: bytes, now_ns: int) -> None:
        """Acknowledgements."""
        outstanding = self._outstanding
        if self._responses_clean and outstanding:
            hop = outstanding[0]
            size = len(data) - 2
            if (
                hop.plain_id
                and data.find(b"\x1c") == size
                and data[0] == 0x0B
                and data[-1] == 0x0D
                and accepts(data, hop.plain_id)
            ):
                # What nearly every acknowledgement is: positive, alone, and of the oldest message.
                del outstanding[0]
                self._counters.acknowledgements += 1
                self._observer.accepted(hop, size - 1, now_ns)
                self._settled.append(hop.control_id)
                return
        items = self._responses.feed(data)
        self._responses_clean = between_blocks(self._responses, items)
        for item in items:
            if isinstance(item, Frame):
                if item.commit is None:
                    self._acknowledgement(Answer(item.payload), now_ns)
            else:
                self._counters.junk_bytes += len(item.raw)
        if self._responses.awaiting_cr:
            # Complete without its final CR too, and the sender must not have it before it is recorded.
            self._flush_responses(now_ns)

    def response_ended(self) -> None:
        """Nothing more can be acknowledged."""
        self._give_up()

    def lost(self) -> None:
        """The connection is over; what was not acknowledged never will be."""
        self._give_up()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _message(self, hop: Hop) -> None:
        if isinstance(hop, BatchHop):
            self._counters.batches += 1
            self._counters.messages += len(hop.children)
        else:
            self._counters.messages += 1
        outstanding = self._outstanding
        outstanding.append(hop)
        if len(outstanding) > MAX_OUTSTANDING:
            self._unanswered(outstanding.popleft(), "none")
        if self._timer is None:
            self._schedule(hop)

    def _frame(self, item: Frame, now_ns: int) -> None:
        if not item.payload.strip():
            self._counters.empty += 1  # some senders keep a connection alive with these; nobody answers them
        elif item.commit is None:
            self._message(self._read(item.payload, now_ns))

    def _junk(self, junk: Junk, now_ns: int) -> None:
        if junk.reason == "oversize":
            if not self._oversize:
                self._beginning = beginning(junk.raw)
            self._oversize += len(junk.raw)
        elif junk.reason == "oversize_end":
            first = self._beginning if self._oversize else beginning(junk.raw)
            size = self._oversize + len(junk.raw.rstrip(b"\r")) - 2  # without the block around it
            self._oversize, self._beginning = 0, b""
            self._message(self._observer.read(first, now_ns, size))
        else:
            self._counters.junk_bytes += len(junk.raw)

    def _flush_requests(self, now_ns: int) -> None:
        for item in self._requests.flush():
            if isinstance(item, Junk):
                self._junk(item, now_ns)
            else:
                self._frame(item, now_ns)

    def _flush_responses(self, now_ns: int) -> None:
        for item in self._responses.flush():
            if isinstance(item, Frame) and item.commit is None:
                self._acknowledgement(Answer(item.payload), now_ns)

    def _acknowledgement(self, answer: Answer, now_ns: int) -> None:
        self._counters.acknowledgements += 1
        outstanding = self._outstanding
        wanted = answer.control_id
        if outstanding and outstanding[0].control_id == wanted and wanted:
            self._settle(outstanding.popleft(), answer, now_ns, "")
            return
        if wanted:
            for index, hop in enumerate(outstanding):
                if hop.control_id == wanted or (isinstance(hop, BatchHop) and wanted in hop.members):
                    del outstanding[index]
                    self._settle(hop, answer, now_ns, "")
                    return
            for settled in reversed(self._settled):
                if settled == wanted:
                    self._counters.repeated += 1
                    return
                if not isinstance(settled, str) and self._again(settled, answer, now_ns):
                    return
            if self._is_processed(answer, self._interface.name, now_ns) is not None:
                return
        if not outstanding:
            self._counters.unsolicited += 1
            return
        # Engines answer a blank MSH-10 with MSA-2 "1" or nothing at all: then only the order is left.
        if not wanted or not outstanding[0].control_id:
            self._settle(outstanding.popleft(), answer, now_ns, "order")
        else:
            self._counters.mismatched += 1
            self._settle(outstanding.popleft(), answer, now_ns, "mismatched")

    def _again(self, hop: Hop, answer: Answer, now_ns: int) -> bool:
        """Of a message that is settled: a late one, the second one of enhanced mode, or a repeat."""
        if isinstance(hop, BatchHop) and answer.control_id in hop.members:
            hop = hop.members[answer.control_id]  # its own answer counts more than that of the batch
            if hop.outcome not in _UNSETTLED:
                self._observer.answered(hop, answer, now_ns)
                return True
        if hop.control_id != answer.control_id:
            return False
        if hop.outcome in _UNSETTLED:
            self._counters.late += 1
            self._observer.answered(hop, answer, now_ns, "late")
        elif hop.answered in COMMIT and answer.code not in COMMIT:
            self._awaiting.take(self._interface.name, answer.control_id)
            self._counters.processed += 1
            self._observer.processed(hop, answer, now_ns)
        else:
            self._counters.repeated += 1
        return True

    def _is_processed(self, answer: Answer, interface: str, now_ns: int) -> Hop | None:
        """The message, received on any connection of `interface`, that an application now acknowledges."""
        if answer.code in COMMIT or not answer.code:
            return None
        found = self._awaiting.take(interface, answer.control_id)
        if found is None:
            return None
        observer, hop = found
        self._counters.processed += 1
        observer.processed(hop, answer, now_ns)
        return hop

    def _read_returning(self, payload: bytes, now_ns: int, size: int = 0) -> Hop:
        """A message that may be the application's acknowledgement of another one (HL7 v2.5.1 2.9.3)."""
        hop = self._observer.read(payload, now_ns, size)
        if b"MSA" in payload:
            answer = Answer(payload)
            received = self._is_processed(answer, self._interface.acknowledges or "", now_ns)
            if received is not None:
                hop.links += link(received.trace_id, received.span_id)
                hop.trace_id, hop.plain_id = received.trace_id, b""
        return hop

    def _settle(self, hop: Hop, answer: Answer, now_ns: int, pairing: str) -> None:
        self._observer.answered(hop, answer, now_ns, pairing)
        if hop.control_id and hop.answered == "CA":
            self._awaiting.put(self._interface.name, hop.control_id, self._observer, hop)
        self._remember(hop)

    def _remember(self, hop: Hop) -> None:
        if hop.outcome in _UNSETTLED or hop.answered in COMMIT or isinstance(hop, BatchHop):
            self._settled.append(hop)
        elif hop.control_id:
            self._settled.append(hop.control_id)

    def _unanswered(self, hop: Hop, outcome: str) -> None:
        if outcome == "timeout":
            self._counters.timeouts += 1
        else:
            self._counters.unanswered += 1
        self._observer.unanswered(hop, time.time_ns(), outcome)
        self._remember(hop)

    def _give_up(self) -> None:
        if self._responses.awaiting_cr:
            self._flush_responses(time.time_ns())
        while self._outstanding:
            self._unanswered(self._outstanding.popleft(), "none")

    def _schedule(self, hop: Hop) -> None:
        wait = max(0.0, (hop.start_ns + self._timeout_ns - time.time_ns()) / 1e9)
        self._timer = asyncio.get_running_loop().call_later(wait, self._expire)

    def _expire(self) -> None:
        # One timer per connection, not one per message: it looks at the oldest and comes back in time.
        self._timer = None
        outstanding = self._outstanding
        now = time.time_ns()
        while outstanding and outstanding[0].start_ns + self._timeout_ns <= now:
            self._unanswered(outstanding.popleft(), "timeout")
        if outstanding:
            self._schedule(outstanding[0])


def between_blocks(deframer: Deframer, items: list[Frame | Junk]) -> bool:
    """Whether a deframer that has just returned `items` is between blocks, and certainly so."""
    return bool(items) and isinstance(items[-1], Frame) and not deframer.pending and not deframer.awaiting_cr


def beginning(raw: bytes) -> bytes:
    """The whole segments at the beginning of a block that is too long to keep."""
    first = raw[1:BEGINNING].replace(b"\n", b"\r")
    return first[: first.rfind(b"\r") + 1]
