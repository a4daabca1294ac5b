"""The answers of the Mirth Connect REST API, read: channels and connectors with their counters and states.

Called by the poller with parsed JSON. Its JSON is XML in disguise: a list of one element is the element, an
empty one is null or "". Pure, and must never raise on what an engine answers: what is not there is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tracing.engines import CHANNEL, Gauge

CONNECTIONS = (
    "idle",
    "reading",
    "writing",
    "polling",
    "receiving",
    "sending",
    "waiting for response",
    "connected",
    "connecting",
    "disconnected",
    "failure",
)
_KINDS = {"SOURCE_CONNECTOR": "source", "DESTINATION_CONNECTOR": "destination", "CHAIN": "chain"}
_MOST_DEPTH = 6


def listed(value: Any, name: str) -> list[dict[str, Any]]:
    """The elements called `name` under `value`, which may be wrapped in `list`, one or many, or nothing."""
    if isinstance(value, Mapping) and "list" in value:
        value = value["list"]
    if isinstance(value, Mapping):
        value = value.get(name)
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def gauges(
    engine: str,
    statuses: Any,
    statistics: Any,
    connections: Any,
    interfaces: Mapping[str, str],
    now: datetime,
) -> list[Gauge]:
    """The readings of every channel and connector.

    statuses: `/channels/statuses`, which has the names, states and each connector's numbers. statistics:
    `/channels/statistics`, which alone has the channel's queue. connections: `connectorStates`, or None.
    """
    totals = _statistics(statistics)
    words = connection_words(connections)
    found = []
    for status in listed(statuses, "dashboardStatus"):
        channel_id, name = _text(status, "channelId"), _text(status, "name")
        if not channel_id:
            continue
        interface = interfaces.get(name, "")
        own = totals.get(channel_id) or _numbers(status)
        state = _text(status, "state").lower()
        found.append(
            Gauge(engine, channel_id, CHANNEL, now, "channel", name, "", interface, state, "", **own)
        )
        for connector in _connectors(status, 0):
            number = whole(connector.get("metaDataId"), -1)
            if number < 0:
                continue
            found.append(
                Gauge(
                    engine,
                    channel_id,
                    number,
                    now,
                    "source" if number == 0 else "destination",
                    name,
                    _text(connector, "name"),
                    interface,
                    _text(connector, "state").lower(),
                    words.get((channel_id, number), ""),
                    **_numbers(connector),
                )
            )
    return found


def connection_words(document: Any) -> dict[tuple[str, int], str]:
    """By channel and connector, the word of its connection, from the map that `connectorStates` answers.

    Each entry has a key `CHANNEL_CONNECTOR` and an array of a colour and a word such as `Connected (3)`.
    """
    found: dict[tuple[str, int], str] = {}
    entries = listed(document.get("map"), "entry") if isinstance(document, Mapping) else []
    for entry in entries:
        texts = list(_texts(entry, 0))
        place = next((split for text in texts if (split := _place(text)) is not None), None)
        word = next((known for text in texts if (known := _word(text))), "")
        if place is not None and word:
            found[place] = word
    return found


def _statistics(document: Any) -> dict[str, dict[str, int]]:
    """By channel; an engine of several servers answers once for each, and the sum is the channel's."""
    found: dict[str, dict[str, int]] = {}
    for one in listed(document, "channelStatistics"):
        channel_id = _text(one, "channelId")
        numbers = {name: whole(one.get(given)) for name, given in _FIELDS.items()}
        before = found.get(channel_id)
        found[channel_id] = {name: before[name] + numbers[name] for name in numbers} if before else numbers
    return found


_FIELDS = {
    "received": "received",
    "filtered": "filtered",
    "queued": "queued",
    "sent": "sent",
    "errored": "error",
}
_STATUS = {"RECEIVED": "received", "FILTERED": "filtered", "SENT": "sent", "ERROR": "errored"}


def _numbers(status: Mapping[str, Any]) -> dict[str, int]:
    """The counters in a `dashboardStatus`; its queue is a field of its own."""
    found = dict.fromkeys(_FIELDS, 0)
    for entry in listed(status.get("statistics"), "entry"):
        name = next((_STATUS[text] for text in _texts(entry, 0) if text in _STATUS), None)
        if name is not None:
            found[name] = whole(entry.get("long"))
    found["queued"] = whole(status.get("queued"))
    return found


def _connectors(status: Mapping[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    """Connectors under a channel, those inside destination chains too."""
    if depth > _MOST_DEPTH:
        return
    for child in listed(status.get("childStatuses"), "dashboardStatus"):
        if _KINDS.get(_text(child, "statusType")) != "chain":
            yield child
        yield from _connectors(child, depth + 1)


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < _MOST_DEPTH and isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner, depth + 1)
    elif depth < _MOST_DEPTH and isinstance(value, list):
        for inner in value:
            yield from _texts(inner, depth + 1)


def _place(text: str) -> tuple[str, int] | None:
    channel_id, underscore, number = text.rpartition("_")
    return (channel_id, int(number)) if underscore and channel_id and number.isdecimal() else None


def _word(text: str) -> str:
    word = text.partition("(")[0].strip().lower()
    return word if word in CONNECTIONS else ""


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def whole(value: Any, otherwise: int = 0) -> int:
    """A number, also one written as text; what is none, or negative, is `otherwise`."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return otherwise
    try:
        number = int(value)
    except ValueError:
        return otherwise
    return number if 0 <= number < 1 << 63 else otherwise
