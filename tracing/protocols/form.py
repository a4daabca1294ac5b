"""Form bodies: `application/x-www-form-urlencoded` and `multipart/form-data` (RFC 7578).

Called by the HTTP tap for keys and measures by field name. Files in a multipart body are not looked at. It
must never raise for any body, nor read more fields than `MAX_FIELDS`.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

MAX_FIELDS = 1000
MAX_VALUE = 4096
_NAME = re.compile(rb'(?:^|[;\s])name="([^"\r\n]{0,256})"', re.IGNORECASE)
_FILE = re.compile(rb"(?:^|[;\s])filename\*?=", re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;,]{1,200}))', re.IGNORECASE)

Fields = dict[str, list[str]]


def urlencoded(body: bytes | str) -> Fields:
    """The fields of a form or of a query; empty where there are more than `MAX_FIELDS`."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    fields: Fields = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return fields
    for name, value in pairs:
        fields.setdefault(name, []).append(value[:MAX_VALUE])
    return fields


def multipart(body: bytes, content_type: str) -> Fields:
    """The fields of a multipart form that are no files; empty where the boundary is missing."""
    fields: Fields = {}
    match = _BOUNDARY.search(content_type)
    if match is None:
        return fields
    boundary = b"--" + (match[1] or match[2]).encode("latin-1", "replace")
    parts = (b"\r\n" + body).split(b"\r\n" + boundary, MAX_FIELDS + 1)
    for part in parts[1 : MAX_FIELDS + 1]:
        if part.startswith(b"--"):
            break
        head, _, value = part.partition(b"\r\n\r\n")
        disposition = _disposition(head)
        name = _NAME.search(disposition)
        if name is not None and _FILE.search(disposition) is None:
            found = value[:MAX_VALUE].decode("utf-8", "replace")
            fields.setdefault(name[1].decode("utf-8", "replace"), []).append(found)
    return fields


def _disposition(head: bytes) -> bytes:
    for line in head[:8192].split(b"\r\n"):
        label, _, rest = line.partition(b":")
        if label.strip().lower() == b"content-disposition":
            return rest
    return b""
