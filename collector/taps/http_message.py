"""A request and a response as far as the HTTP tap has seen them, and their bodies opened at most once.

Filled by the watcher of a connection and by `replay.Observer`, read by the observers. It must never raise for
anything that came over a network.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import lru_cache
from xml.etree.ElementTree import Element

from tracing.context import SpanContext
from tracing.protocols import form, json_body, xml_path

_JSON = ("application/json", "text/json", "text/x-json")
_XML = ("application/xml", "text/xml")


class Request:
    """`body` is None where it was larger than the configured limit, `complete` False while more may come."""

    __slots__ = (
        "body",
        "complete",
        "content_type",
        "encoding",
        "headers",
        "method",
        "size",
        "started",
        "target",
        "traceparent",
        "tracestate",
    )

    def __init__(self, method: str, target: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.method = method
        self.target = target
        self.size = 0
        self.body: bytes | None = b""
        self.complete = True
        self.content_type = ""
        self.encoding = ""
        self.traceparent = ""
        self.tracestate = ""
        self.started: SpanContext | None = None
        self.headers = list(headers)
        for name, value in self.headers:
            lower = name.lower()
            if lower == b"traceparent":
                # Two of them are none (Trace Context, section 3.2): nobody can say which one is meant.
                self.traceparent = "twice" if self.traceparent else value.decode("latin-1")
            elif lower == b"tracestate":
                text = value.decode("latin-1")
                self.tracestate = f"{self.tracestate},{text}" if self.tracestate else text
            elif lower == b"content-type":
                self.content_type = value.decode("latin-1")
            elif lower == b"content-encoding":
                self.encoding = value.decode("latin-1").strip().lower()

    def header(self, lower: bytes) -> str:
        """The first header of this (lower-case) name, empty if there is none."""
        for name, value in self.headers:
            if name.lower() == lower:
                return value.decode("latin-1").strip()
        return ""


class Response:
    """Status 0 means that none came."""

    __slots__ = ("body", "content_type", "encoding", "location", "size", "status")

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.size = 0
        self.body: bytes | None = b""
        self.content_type = ""
        self.encoding = ""
        self.location = ""

    def header(self, name: bytes, value: bytes) -> None:
        """Take note of one header; all but three mean nothing here."""
        lower = name.lower()
        if lower == b"content-type":
            self.content_type = value.decode("latin-1")
        elif lower == b"content-encoding":
            self.encoding = value.decode("latin-1").strip().lower()
        elif lower == b"location":
            self.location = value.decode("latin-1").strip()


class Content:
    """A body: what it claims to be and what it is. `problem` says why it is not read, `place` where."""

    __slots__ = ("_document", "_fields", "_root", "body", "content_type", "kind", "place", "problem")

    def __init__(self, body: bytes | None, content_type: str, encoding: str, limit: int) -> None:
        self.content_type = content_type
        self.problem = ""
        self.place = ""
        self._document: tuple[object] | None = None
        self._root: Element | None = None
        self._fields: form.Fields | None = None
        self.body = b""
        if body is None:
            self.problem = "too_large"
        elif body:
            self.body = self._opened(body, encoding, limit)
        self.kind = _kind(content_type, self.body)

    @classmethod
    def of(cls, document: object) -> Content:
        """What is decoded already."""
        made = cls(b"", "", "", 0)
        made._document = (document,)
        made.kind = "json"
        return made

    def json(self) -> tuple[object] | None:
        """The document in a tuple, None where it is none."""
        if self._document is None and self.kind == "json" and not self.problem and self.body:
            try:
                self._document = (json_body.decode(self.body),)
            except json_body.JsonError as error:
                self.problem, self.place = "not_json", error.place
        return self._document

    def xml(self) -> Element | None:
        """The root element, None where there is none."""
        if self._root is None and self.kind == "xml" and not self.problem and self.body:
            try:
                self._root = xml_path.parse(self.body)
            except xml_path.XmlError as error:
                self.problem, self.place = "not_xml", error.place
        return self._root

    def form(self) -> form.Fields:
        """The fields of a form; empty where it is none."""
        if self._fields is None:
            self._fields = {}
            if self.kind == "form":
                multipart = self.content_type.strip().lower().startswith("multipart/")
                self._fields = (
                    form.multipart(self.body, self.content_type) if multipart else form.urlencoded(self.body)
                )
        return self._fields

    def read_as(self, wanted: frozenset[str]) -> None:
        """Open the body if any of `wanted` (json, xml, form) is asked of it; else say what it is not."""
        if self.problem or not self.body or not wanted:
            return
        if self.kind not in wanted:
            self.problem = f"not_{min(wanted)}"
        elif self.kind == "json":
            self.json()
        elif self.kind == "xml":
            self.xml()

    def _opened(self, body: bytes, encoding: str, limit: int) -> bytes:
        if encoding in ("", "identity"):
            return body
        if encoding not in ("gzip", "x-gzip", "deflate"):
            self.problem = "encoded"
            return b""
        unpacker = zlib.decompressobj(47)
        try:
            opened = unpacker.decompress(body, max(limit, 1))
        except zlib.error:
            self.problem = "encoded"
            return b""
        if unpacker.unconsumed_tail:
            self.problem = "too_large"
            return b""
        return opened


def _kind(content_type: str, body: bytes) -> str:
    kind = _declared(content_type)
    if kind:
        return kind
    start = body[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return "xml" if start == b"<" else "json"


@lru_cache(maxsize=256)
def _declared(content_type: str) -> str:
    """What a media type says, empty where it says nothing."""
    media = content_type.partition(";")[0].strip().lower()
    if media.endswith("+json") or media in _JSON:
        return "json"
    if media.endswith("+xml") or media in _XML:
        return "xml"
    if media in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return "form"
    # Senders that do not say what they send.
    return "" if media in ("", "text/plain", "application/octet-stream") else "other"
