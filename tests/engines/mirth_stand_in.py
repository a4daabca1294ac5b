"""An engine's REST API as it is documented, on a socket: not the engine itself.

Written from the shapes of the API of Mirth Connect and Open Integration Engine: JSON that is XML in disguise,
two different calls for states and statistics, `X-Requested-With`, sessions and HTTP Basic. Requests are kept.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

USER, PASSWORD = "caretrail", "secret of the engine"


@dataclass
class Connector:
    """One connector of a channel."""

    number: int
    name: str
    connection: str = "Idle"
    queued: int = 0
    sent: int = 0
    errored: int = 0
    filtered: int = 0
    received: int = 0


@dataclass
class Channel:
    """One channel; its numbers are those of its connectors."""

    id: str
    name: str
    connectors: list[Connector]
    state: str = "STARTED"
    received: int = 0
    filtered: int = 0


@dataclass
class Message:
    """One message of a channel: statuses of its connectors, metadata columns, source map."""

    number: int
    channel: str
    statuses: list[str]
    metadata: dict[str, str] = field(default_factory=dict)
    source: dict[str, str | int] = field(default_factory=dict)


@dataclass
class Engine:
    """What the stand-in answers; change it while it runs."""

    channels: list[Channel] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    broken: int = 0
    """Answer every request with this status instead."""
    without_connections: bool = False
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        """Paths that were asked, without their parameters."""
        return [path.partition("?")[0] for _, path in self.requests]

    def __enter__(self) -> Self:
        engine = self

        class Handler(_Handler):
            owner = engine

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def as_json(name: str, items: list[Any]) -> Any:
    """A list the way the engine writes one: no element, the element, or an array."""
    if not items:
        return None
    return {name: items[0] if len(items) == 1 else items}


def entries(numbers: dict[str, int]) -> Any:
    """A map of counters."""
    kind = "com.mirth.connect.donkey.model.message.Status"
    return as_json("entry", [{kind: name, "long": number} for name, number in numbers.items()])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Engine

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.owner.requests.append(("POST", self.path))
        given = {name: values[0] for name, values in urllib.parse.parse_qs(body).items()}
        if self.path != "/api/users/_login" or given != {"username": USER, "password": PASSWORD}:
            self._answer(401, None)
            return
        session = f"session-{len(self.owner.requests)}"
        self.owner.sessions.add(session)
        self._answer(200, {"status": "SUCCESS"}, {"Set-Cookie": f"JSESSIONID={session}; Path=/api; HttpOnly"})

    def do_GET(self) -> None:
        owner = self.owner
        owner.requests.append(("GET", self.path))
        if owner.broken:
            self._answer(owner.broken, None)
            return
        if not self.headers.get("X-Requested-With"):
            self._answer(400, None)
            return
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        session = self.headers.get("Cookie", "").removeprefix("JSESSIONID=")
        if session not in owner.sessions and self.headers.get("Authorization") != basic:
            self._answer(401, None)
            return
        path = self.path.partition("?")[0]
        if path == "/api/channels/statuses":
            self._answer(200, {"list": as_json("dashboardStatus", [_status(one) for one in owner.channels])})
        elif path == "/api/channels/statistics":
            found = [_statistics(one) for one in owner.channels]
            self._answer(200, {"list": as_json("channelStatistics", found)})
        elif path == "/api/extensions/dashboardstatus/connectorStates" and not owner.without_connections:
            self._answer(200, {"map": as_json("entry", _connections(owner.channels))})
        elif path.endswith("/messages/maxMessageId"):
            numbers = [one.number for one in owner.messages if one.channel == path.split("/")[3]]
            self._answer(200, {"long": max(numbers, default=0)})
        elif path.endswith("/messages"):
            given = {
                name: values[0] for name, values in urllib.parse.parse_qs(self.path.split("?")[1]).items()
            }
            low, high = int(given["minMessageId"]), int(given["maxMessageId"])
            assert given["includeContent"] == "false"
            found = [
                _message(one)
                for one in sorted(owner.messages, key=lambda one: -one.number)
                if one.channel == path.split("/")[3] and low <= one.number <= high
            ]
            self._answer(200, {"list": as_json("message", found[: int(given["limit"])])})
        else:
            self._answer(404, None)

    def _answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(document).encode() if document is not None else b""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _status(channel: Channel) -> dict[str, Any]:
    """A `dashboardStatus`. Its own statistics leave the queue out."""
    numbers = {
        "RECEIVED": channel.received,
        "FILTERED": channel.filtered,
        "SENT": sum(one.sent for one in channel.connectors),
        "ERROR": sum(one.errored for one in channel.connectors),
    }
    return {
        "channelId": channel.id,
        "name": channel.name,
        "state": channel.state,
        "statistics": entries(numbers),
        "queued": sum(one.queued for one in channel.connectors),
        "queueEnabled": False,
        "statusType": "CHANNEL",
        "childStatuses": as_json("dashboardStatus", [_child(channel, one) for one in channel.connectors]),
    }


def _child(channel: Channel, one: Connector) -> dict[str, Any]:
    numbers = {
        "RECEIVED": one.received,
        "FILTERED": one.filtered,
        "SENT": one.sent,
        "ERROR": one.errored,
    }
    return {
        "channelId": channel.id,
        "name": one.name,
        "state": channel.state,
        "statistics": entries(numbers),
        "metaDataId": one.number,
        "queueEnabled": one.number > 0,
        "queued": one.queued,
        "statusType": "SOURCE_CONNECTOR" if one.number == 0 else "DESTINATION_CONNECTOR",
        "childStatuses": None,
    }


def _statistics(channel: Channel) -> dict[str, Any]:
    return {
        "serverId": "b4e9c1de",
        "channelId": channel.id,
        "received": channel.received,
        "sent": sum(one.sent for one in channel.connectors),
        "error": sum(one.errored for one in channel.connectors),
        "filtered": channel.filtered,
        "queued": sum(one.queued for one in channel.connectors),
    }


def _connections(channels: list[Channel]) -> list[Any]:
    colour = {"red": 0, "green": 255, "blue": 0, "alpha": 255}
    return [
        {
            "string": f"{channel.id}_{one.number}",
            "object-array": {"awt-color": colour, "string": one.connection},
        }
        for channel in channels
        for one in channel.connectors
    ]


def _message(message: Message) -> dict[str, Any]:
    received = {"time": 1_772_366_400_000 + message.number, "timezone": "America/Chicago"}
    return {
        "messageId": message.number,
        "serverId": "b4e9c1de",
        "channelId": message.channel,
        "receivedDate": received,
        "processed": True,
        "connectorMessages": as_json(
            "entry",
            [
                {"int": number, "connectorMessage": _connector_message(message, number, received)}
                for number in range(len(message.statuses))
            ],
        ),
    }


def _connector_message(message: Message, number: int, received: dict[str, Any]) -> dict[str, Any]:
    columns = [{"string": [name, value]} for name, value in message.metadata.items()]
    source = [
        {"string": name, "long": value} if isinstance(value, int) else {"string": [name, value]}
        for name, value in message.source.items()
    ]
    return {
        "messageId": message.number,
        "metaDataId": number,
        "channelId": message.channel,
        "receivedDate": received,
        "status": message.statuses[number],
        "metaDataMap": as_json("entry", columns),
        "sourceMap": as_json("entry", source) if number == 0 else None,
    }
