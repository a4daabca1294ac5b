"""The acknowledgement a receiver of HL7 v2 messages sends (HL7 v2.5.1 section 2.9.2).

Called by the sink. It must never raise on what a sender wrote, and takes the time it states.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tracing.protocols.hl7v2 import Message
from tracing.protocols.hl7v2_text import UNUSED, escape_text


def acknowledge(
    message: Message,
    code: str,
    control_id: str,
    now: datetime,
    text: str | None = None,
    error: str | None = None,
) -> bytes:
    """The acknowledgement payload (unframed) that a receiver of `message` sends back (2.9.2).

    `code` is MSA-1, `control_id` the new MSH-10, `text` MSA-3, `error` a code for ERR-3 (before
    version 2.5: ERR-1.4). Sender and receiver change places; separators, MSH-11, MSH-12 and MSH-18
    are the message's own.
    """
    separators = message.encoding
    header = message.data.partition(b"\r")[0].split(separators.field)
    header.insert(1, separators.field)

    def taken(number: int) -> bytes:
        return header[number] if number < len(header) else b""

    def written(words: str) -> bytes:
        codec = message.codec if message.codec != "ascii" else "utf-8"
        return escape_text(words.encode(codec, "replace"), message.encoding)

    sep = message.encoding.field
    comp = b"^" if message.encoding.component == UNUSED else message.encoding.component
    version = (message.version or "2.5.1").split(".")
    modern = version >= ["2", "5"]
    kind = [b"ACK"]
    trigger = message.message_type.partition("^")[2]
    if trigger:
        kind.append(written(trigger))
        if version >= ["2", "3", "1"]:
            kind.append(b"ACK")
    stamp = now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000").encode()
    fields = [
        b"MSH", taken(2) or b"^~\\&", taken(5), taken(6), taken(3), taken(4), stamp, b"",
        comp.join(kind), written(control_id), taken(11) or b"P", taken(12) or b"2.5.1",
    ]  # fmt: skip
    if taken(18):
        fields += [b""] * 5 + [taken(18)]
    lines = [sep.join(fields)]
    acknowledged = [b"MSA", code.encode("ascii", "replace"), written(message.control_id)]
    if text is not None:
        acknowledged.append(written(text))
    lines.append(sep.join(acknowledged))
    if error is not None:
        place = [b"", b"", written(error)] if modern else [comp * 3 + written(error)]
        lines.append(sep.join([b"ERR", *place, *([b"E"] if modern else [])]))
    return b"\r".join(lines) + b"\r"
