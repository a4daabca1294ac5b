"""Files and batches of HL7 v2 messages.

Called by `hl7v2`, by folder taps and by replay. Only cuts; what a message holds is for `hl7v2`.
"""

from __future__ import annotations

from typing import Final

BOM: Final = b"\xef\xbb\xbf"
ENVELOPE: Final = (b"FHS", b"BHS")
_TRAILERS: Final = (b"BTS", b"FTS")


def split_batch(payload: bytes) -> list[bytes]:
    """The messages of a file or batch (FHS, BHS, MSH…, BTS, FTS; HL7 v2.5.1 2.10.3), in order.

    Also splits files that simply concatenate messages. Segments come back ended by CR.
    """
    data = payload.removeprefix(BOM).replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    messages: list[list[bytes]] = []
    inside = False
    for line in data.split(b"\r"):
        name = line[:3] if not line[3:4].isalnum() else b""
        if name == b"MSH":
            messages.append([line])
            inside = True
        elif name in ENVELOPE or name in _TRAILERS:
            inside = False
        elif inside and line:
            messages[-1].append(line)
    return [b"\r".join(lines) + b"\r" for lines in messages]
