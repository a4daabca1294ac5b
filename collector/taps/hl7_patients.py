"""A message about several patients: what it says of the second and each further one is a hop of its own.

Called by `observe_hl7` where PID repeats, as in ORU^R01 (HL7 v2.5.1 7.3.1) and ADT^A17 (3.3.17). Each belongs
to its own patient's encounter, or to one by patient and time, and has a link to the message. Read together
they would make two people one.
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.taps.hl7_identity import is_event
from collector.taps.hl7_keys import Hl7Keys
from collector.taps.hl7_measures import Hl7Measures
from collector.taps.hops import Emitter, Hop, message_identity
from tracing import spans
from tracing.context import message_trace_id
from tracing.protocols.hl7v2 import Message

MOST_PATIENTS = 500
"""Of a message, so many have hops of their own."""


def further(
    message: Message, hop: Hop, head: bytes, emitter: Emitter, keys: Hl7Keys, measures: Hl7Measures
) -> Iterator[Hop]:
    """Hops of the second patient and those behind; none where repeated patients are what the event is about.

    head: encoded attributes that they share with `hop`, which is the message's and the first patient's.
    """
    if is_event(message.message_type):
        return
    for number, part in enumerate(message.groups(MOST_PATIENTS)[1:], 2):
        found, tags = keys.read(part)
        trace, attributes = emitter.keyed(found)
        own = Hop(
            hop.scope,
            # Never the message's: that is the first patient's encounter.
            trace
            or message_trace_id(
                emitter.site_key, emitter.name, b"%d|%b" % (number, message_identity(part.data))
            ),
            emitter.span_id(b"%d|%b" % (number, hop.span_id), hop.start_ns),
            hop.start_ns,
            hop.control_id,
            head + tags + attributes + measures.read(part),
        )
        own.links = spans.link(hop.trace_id, hop.span_id)
        yield own
