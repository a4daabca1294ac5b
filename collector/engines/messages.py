"""Messages inside an engine, by their metadata alone: one span for each message of the named channels.

Called by the poller with parsed JSON. A message that another channel handed on carries that channel and its
message's number, so the two spans are linked. Content is never asked for. It must never let a metadata value
out except as token and sealed value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collector.engines import mirth
from collector.engines.config import EngineMessages
from tracing import attributes as names
from tracing import spans
from tracing.authorities import Authorities
from tracing.context import message_trace_id, span_id
from tracing.keys import Key, Sealer, best, format_reference, priority

ERROR = "ERROR"
_FINAL = frozenset({"SENT", "TRANSFORMED", "FILTERED"})
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
SOURCE_CHANNEL, SOURCE_MESSAGE = "sourceChannelId", "sourceMessageId"
_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One message of one channel. outcome: error while any connector has it in error, none while it waits."""

    message_id: int
    received_ms: int
    outcome: str
    metadata: Mapping[str, str]
    source_channel: str
    source_message: int | None


def read(document: Any) -> list[Seen]:
    """The messages of `/channels/{id}/messages`, oldest first."""
    found = [one for message in mirth.listed(document, "message") if (one := _message(message)) is not None]
    return sorted(found, key=lambda seen: seen.message_id)


def encode(
    seen: Seen, engine: str, channel_id: str, channel: str, wanted: EngineMessages, sealer: Sealer
) -> bytes:
    """An ExportTraceServiceRequest with the message's span. The same message again gives the same IDs."""
    interface = f"{engine}/{channel}"
    keys = _keys(seen, wanted, sealer.authorities)
    root = best(keys)
    own = identity(channel_id, seen.message_id)
    site_key = sealer.site_key
    trace = bytes.fromhex(sealer.token(root)) if root else message_trace_id(site_key, engine, own)
    at_ns = seen.received_ms * _NS
    links = b""
    known: list[tuple[str, spans.AttributeValue]] = [
        (names.OPERATION_NAME, "process"),
        (names.OUTCOME, seen.outcome),
        (names.ENGINE_MESSAGE, f"{channel_id}:{seen.message_id}"),
    ]
    if seen.source_channel and seen.source_message is not None:
        source = f"{seen.source_channel}:{seen.source_message}"
        known.append((names.ENGINE_SOURCE_MESSAGE, source))
        # Its span has this ID whatever its keys were; its trace is the same wherever its keys are.
        links = spans.link(
            trace,
            engine_span_id(sealer, engine, seen.source_channel, seen.source_message),
            spans.link_attribute(names.ENGINE_SOURCE_MESSAGE, source),
        )
    if keys:
        references = [format_reference(key.kind, key.authority, sealer.token(key)) for key in keys]
        known.append((names.KEYS, references))
        known.append((names.KEYS_SEALED, [sealer.seal(key) for key in keys]))
    failed = seen.outcome in names.FAILED_OUTCOMES
    span = spans.span(
        trace,
        engine_span_id(sealer, engine, channel_id, seen.message_id),
        f"process {interface}".encode(),
        spans.KIND_CONSUMER,
        at_ns,
        at_ns,
        b"".join(spans.attribute(name, value) for name, value in known),
        status=spans.STATUS_ERROR if failed else spans.STATUS_UNSET,
        links=links,
    )
    scope = spans.scope(
        "caretrail.engine",
        "",
        {names.INTERFACE: interface, names.SOURCE: engine, names.DESTINATION: engine, names.SYSTEM: "mirth"},
    )
    resource = spans.resource({names.SERVICE_NAME: "caretrail-collector"})
    return spans.export_request(resource, spans.scope_spans(scope, span))


def identity(channel_id: str, message_id: int) -> bytes:
    """What tells a message of an engine from all others."""
    return f"engine message|{channel_id}|{message_id}".encode()


def engine_span_id(sealer: Sealer, engine: str, channel_id: str, message_id: int) -> bytes:
    """The ID of a message's span: from its numbers alone, so that it can be linked before it is seen."""
    return span_id(sealer.site_key, engine, identity(channel_id, message_id), 0)


def _keys(seen: Seen, wanted: EngineMessages, authorities: Authorities) -> list[Key]:
    found = []
    for one in wanted.keys:
        value = seen.metadata.get(one.column.upper())
        key = authorities.key(one.kind, value, one.authority, wanted.authority)
        if key is not None and not authorities.doubt(key):
            found.append(key)
    return sorted(dict.fromkeys(found), key=lambda key: priority(key.kind))


def _message(message: Mapping[str, Any]) -> Seen | None:
    message_id = mirth.whole(message.get("messageId"), -1)
    connectors = list(_connectors(message))
    source = next((one for one in connectors if mirth.whole(one.get("metaDataId"), -1) == 0), None)
    received = _time(message.get("receivedDate")) or (_time(source.get("receivedDate")) if source else None)
    if message_id < 0 or received is None:
        return None
    states = [str(one.get("status", "")) for one in connectors]
    done = bool(states) and all(state in _FINAL for state in states)
    outcome = "error" if ERROR in states else "accepted" if done else "none"
    metadata = {name.upper(): value for one in connectors for name, value in _entries(one.get("metaDataMap"))}
    # Where the engine offers them: in the source map, or in columns of their own.
    given = dict(_entries(source.get("sourceMap"))) if source else {}
    channel = given.get(SOURCE_CHANNEL) or metadata.get(SOURCE_CHANNEL.upper(), "")
    number = given.get(SOURCE_MESSAGE) or metadata.get(SOURCE_MESSAGE.upper(), "")
    handed_on = int(number) if number.isdecimal() and len(number) < 19 else None
    source_channel = channel if _ID.fullmatch(channel) else ""
    return Seen(message_id, received, outcome, metadata, source_channel, handed_on)


def _connectors(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in mirth.listed(message.get("connectorMessages"), "entry"):
        connector = entry.get("connectorMessage")
        if isinstance(connector, Mapping):
            yield connector


def _entries(value: Any) -> Iterator[tuple[str, str]]:
    """Names and values of a map: `{"string": [name, value]}`, or a name beside a number."""
    for entry in mirth.listed(value, "entry"):
        texts = entry.get("string")
        if isinstance(texts, list) and len(texts) == 2 and all(isinstance(text, str) for text in texts):
            yield texts[0], texts[1]
        elif isinstance(texts, str):
            numbers = [inner for name, inner in entry.items() if name != "string"]
            if len(numbers) == 1 and isinstance(numbers[0], int | str) and not isinstance(numbers[0], bool):
                yield texts, str(numbers[0])


def _time(value: Any) -> int | None:
    """Milliseconds since the epoch: `{"time": ms, "timezone": …}`."""
    found = mirth.whole(value.get("time"), -1) if isinstance(value, Mapping) else -1
    return found if 0 < found < 7_258_118_400_000 else None
