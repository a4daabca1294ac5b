"""Messages inside an engine: followed from channel to channel by their numbers, known by tokens only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.engines import messages
from collector.engines.client import Client
from collector.engines.config import EngineConfig
from collector.engines.follow import Follower
from collector.engines.poller import Poller
from tests.engines.mirth_stand_in import PASSWORD, USER, Channel, Connector, Engine, Message
from tests.taps.world import SEALER, Seen, decode, token
from tracing import attributes
from tracing.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHANNELS = [("c-1", "ADT in"), ("c-2", "ADT to billing"), ("c-3", "Not of interest")]
COLUMNS = {"MRN": "M9", "VISIT": "V123"}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("TEST_ENGINE_PASSWORD", PASSWORD)
    with Engine([Channel(number, name, [Connector(0, "Source")]) for number, name in CHANNELS]) as running:
        yield running


class Kept:
    """Bodies that were made durable."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.full = False

    def __call__(self, body: bytes) -> None:
        if self.full:
            raise OSError("full")
        self.bodies.append(body)

    def spans(self) -> list[Seen]:
        return [span for body in self.bodies for span in decode(body)]


def config(engine: Engine, **messages: Any) -> EngineConfig:
    wanted = {
        "channels": ["ADT in", "ADT to billing"],
        "keys": [{"kind": "visit", "column": "Visit"}, {"kind": "mrn", "column": "MRN"}],
        "authority": "NSH",
        "page": 5,
    } | messages
    return EngineConfig(
        name="oie", url=engine.url, user=USER, password_env="TEST_ENGINE_PASSWORD", messages=wanted
    )


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def follow(engine: Engine, kept: Kept, tmp_path: Path) -> Callable[[], Callable[[], int]]:
    """Starts a follower; what it gives looks once."""

    def start() -> Callable[[], int]:
        given = config(engine)
        assert given.messages is not None
        follower = Follower("oie", given.messages, SEALER, kept, tmp_path / "engines" / "oie.json")
        client = Client(given)
        return lambda: follower.follow(client, CHANNELS)

    return start


def test_a_message_handed_on_is_linked_to_the_one_it_came_from(
    engine: Engine, kept: Kept, follow: Callable[[], Callable[[], int]]
) -> None:
    engine.messages = [
        Message(7, "c-1", ["TRANSFORMED", "SENT"], COLUMNS),
        Message(
            3,
            "c-2",
            ["TRANSFORMED", "ERROR"],
            COLUMNS,
            {"sourceChannelId": "c-1", "sourceMessageId": 7, "other": "x"},
        ),
        Message(1, "c-3", ["SENT"], COLUMNS),
    ]
    assert follow()() == 2
    first, second = kept.spans()
    assert (first.name, second.name) == ("process oie/ADT in", "process oie/ADT to billing")
    assert first.trace == second.trace == token("visit", "V123")
    assert second["engine.source_message"] == first["engine.message"] == "c-1:7"
    assert first.tokens == {"visit": token("visit", "V123"), "mrn": token("mrn", "M9")}
    assert (first["integration.outcome"], second["integration.outcome"]) == ("accepted", "error")
    assert second.error
    assert first.start == (1_772_366_400_000 + 7) * 1_000_000
    (link,) = _links(kept.bodies[1])
    assert (link.trace_id.hex(), link.span_id.hex()) == (first.trace, first.span)
    assert [item.key for item in link.attributes] == ["engine.source_message"]
    everything = b"".join(kept.bodies)
    assert b"V123" not in everything
    assert b"M9" not in everything
    for span in (first, second):
        assert all(attributes.find(name) for name in [*span.attributes, *span.scope])


def _links(body: bytes) -> list[Any]:
    (span,) = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    return list(span.links)


def test_columns_of_their_own_name_the_source_too(
    engine: Engine, kept: Kept, follow: Callable[[], Callable[[], int]]
) -> None:
    columns = {"SOURCECHANNELID": "c-1", "SOURCEMESSAGEID": "7"}
    engine.messages = [Message(3, "c-2", ["SENT"], columns), Message(4, "c-2", ["SENT"])]
    follow()()
    first, second = kept.spans()
    assert (first["engine.source_message"], second["engine.source_message"]) == ("c-1:7", None)
    assert first.trace != second.trace  # without a key each is on its own
    engine.messages = [Message(5, "c-2", ["SENT"], {"SOURCECHANNELID": "Doe, Jane", "SOURCEMESSAGEID": "7"})]
    follow()()
    assert b"Jane" not in b"".join(kept.bodies)


def test_a_message_that_waits_is_looked_at_until_it_is_done(
    engine: Engine, kept: Kept, follow: Callable[[], Callable[[], int]]
) -> None:
    waiting = Message(1, "c-1", ["TRANSFORMED", "QUEUED"], COLUMNS)
    engine.messages = [waiting, Message(2, "c-1", ["SENT"], COLUMNS)]
    look = follow()
    assert [look(), look()] == [2, 0]
    waiting.statuses[1] = "SENT"
    assert [look(), look()] == [1, 0]
    first, _, again = kept.spans()
    assert (first["integration.outcome"], again["integration.outcome"]) == ("none", "accepted")
    assert (first.trace, first.span, first.start) == (again.trace, again.span, again.start)


def test_it_begins_with_the_last_page_and_goes_on_after_a_restart(
    engine: Engine, kept: Kept, follow: Callable[[], Callable[[], int]]
) -> None:
    engine.messages = [Message(number, "c-1", ["SENT"]) for number in range(1, 21)]
    look = follow()
    assert [look(), look()] == [5, 0]
    engine.messages += [Message(number, "c-1", ["SENT"]) for number in range(21, 40)]
    again = follow()
    assert [again(), again()] == [19 + 5, 0]
    numbers = {int(span["engine.message"].partition(":")[2]) for span in kept.spans()}
    assert numbers == set(range(16, 40))
    engine.messages = [Message(1, "c-1", ["SENT"], COLUMNS)]  # the channel was emptied
    assert [again(), again()] == [1, 0]


def test_what_is_not_durable_is_read_again(
    engine: Engine, kept: Kept, follow: Callable[[], Callable[[], int]]
) -> None:
    engine.messages = [Message(1, "c-1", ["SENT"])]
    look = follow()
    kept.full = True
    with pytest.raises(OSError, match="full"):
        look()
    kept.full = False
    assert [look(), look()] == [1, 0]


def test_the_poller_follows_after_its_look(engine: Engine, kept: Kept, tmp_path: Path) -> None:
    engine.messages = [Message(1, "c-1", ["SENT"])]
    given = config(engine)
    assert given.messages is not None
    follower = Follower("oie", given.messages, SEALER, kept, tmp_path / "oie.json")
    poller = Poller(given, cast(Store, None), write=lambda store, gauges: None, follower=follower)
    poller.step(NOON)
    assert len(kept.spans()) == 1
    poller.step(NOON + timedelta(seconds=1))  # not yet time
    asked = [path for path in engine.paths() if path.endswith("/messages")]
    assert asked == ["/api/channels/c-1/messages"]


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"list": {"message": "x"}},
        {"list": {"message": {"messageId": 1}}},
        {"list": {"message": {"messageId": 1, "receivedDate": {"time": "soon"}}}},
        {"list": {"message": {"messageId": -1, "receivedDate": {"time": 5}, "connectorMessages": "x"}}},
    ],
)
def test_what_is_no_message_is_left_out(document: Any) -> None:
    assert messages.read(document) == []
