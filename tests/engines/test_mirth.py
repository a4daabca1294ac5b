"""An engine (a stand-in of its REST API) is read: what it counts, when it is away, what it is never asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from collector.engines import mirth
from collector.engines.client import Client, EngineRefused
from collector.engines.config import EngineConfig
from collector.engines.poller import Poller
from tests.engines.mirth_stand_in import PASSWORD, USER, Channel, Connector, Engine
from tracing.engines import CHANNEL, ENGINE, Gauge, engines, history
from tracing.store import Store, StoreUnavailable, migrate
from tracing.store.statements import render

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIGRATION = next(one for one in migrate.shipped() if one.file.startswith("0040_"))
NOWHERE = cast(Store, None)
WORDS = ["list", "map", "entry", "string", "dashboardStatus", "channelStatistics", "channelId", "name"]
WORDS += ["childStatuses", "statistics", "metaDataId", "queued", "long", "received"]


def hospital() -> list[Channel]:
    return [
        Channel(
            "c-1",
            "ADT to billing",
            [
                Connector(0, "Source", "Connected (3)", received=100),
                Connector(1, "Billing", "Waiting for Response", queued=4, sent=90, errored=2, received=96),
            ],
            received=100,
            filtered=4,
        ),
        Channel("c-2", "Journals", [Connector(0, "Source"), Connector(1, "ERP", "Disconnected", queued=7)]),
    ]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("TEST_ENGINE_PASSWORD", PASSWORD)
    with Engine(hospital()) as running:
        yield running


def config(engine: Engine, **changes: Any) -> EngineConfig:
    given = {"name": "oie", "url": engine.url, "user": USER, "password_env": "TEST_ENGINE_PASSWORD"}
    return EngineConfig(**(given | {"interfaces": {"ADT to billing": "billing-adt-dft"}} | changes))


def test_channels_and_connectors_are_seen_with_queues_errors_and_connections(
    engine: Engine, store: Store
) -> None:
    assert Poller(config(engine), store).step(NOON) == 7
    (row,) = engines(store, NOON)
    assert (row.name, row.state, row.fresh, row.at) == ("oie", "up", True, NOON)
    billing, journals = row.channels
    assert (billing.name, billing.interface, billing.state) == (
        "ADT to billing",
        "billing-adt-dft",
        "started",
    )
    numbers = (billing.received, billing.filtered, billing.queued, billing.sent, billing.errored)
    assert numbers == (100, 4, 4, 90, 2)
    source, destination = billing.connectors
    assert (source.kind, source.connection, source.received) == ("source", "connected", 100)
    assert (destination.name, destination.kind) == ("Billing", "destination")
    assert (destination.connection, destination.queued) == ("waiting for response", 4)
    assert (journals.interface, journals.queued, journals.connection) == ("", 7, "disconnected")


def test_one_channel_with_one_connector_is_an_object_and_none_is_nothing(
    engine: Engine, store: Store
) -> None:
    engine.channels = [Channel("c-1", "Only", [Connector(0, "Source", "Polling")], received=5)]
    poller = Poller(config(engine), store)
    poller.step(NOON)
    ((only,),) = [row.channels for row in engines(store, NOON)]
    assert (only.received, only.connection) == (5, "polling")
    engine.channels = []
    later = NOON + timedelta(minutes=10)
    poller.step(later)
    (row,) = engines(store, later)
    assert (row.state, row.channels) == ("up", ())


def test_history_is_by_minute_and_totals_that_were_cleared_begin_anew(engine: Engine, store: Store) -> None:
    poller = Poller(config(engine, poll_seconds=30), store)
    billing = engine.channels[0]
    for half_minute in range(130):
        billing.received = 100 + half_minute * 2 if half_minute < 100 else half_minute - 100
        billing.connectors[1].queued = 50 if half_minute == 64 else 4
        poller.step(NOON + timedelta(seconds=30 * half_minute))
    now = NOON + timedelta(seconds=30 * 129)
    minutes = history(store, "oie", "c-1", CHANNEL, NOON, now)
    assert len(minutes) == 65
    assert [one.deepest for one in minutes].count(50) == 1
    assert (minutes[0].received, minutes[1].received) == (102, 106)
    (row,) = engines(store, now)
    channel = row.channels[0]
    assert (channel.deepest_24h, channel.queued) == (50, 4)
    assert channel.received == 29
    assert channel.received_1h == 29  # cleared within the hour: at least that many


def test_a_reading_written_twice_changes_nothing_and_what_does_not_change_is_written_once_a_minute(
    engine: Engine, store: Store
) -> None:
    poller = Poller(config(engine, poll_seconds=10), store)
    written = [poller.step(NOON + timedelta(seconds=second)) for second in range(0, 70, 5)]
    assert written == [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0]
    before = engines(store, NOON)
    Poller(config(engine), store).step(NOON)
    assert engines(store, NOON) == before


def test_since_when_a_connection_is_as_it_is(engine: Engine, store: Store) -> None:
    poller = Poller(config(engine, poll_seconds=30), store)
    for half_minute in range(8):
        engine.channels[1].connectors[1].connection = "Disconnected" if half_minute > 4 else "Connected"
        poller.step(NOON + timedelta(seconds=30 * half_minute))
    (row,) = engines(store, NOON + timedelta(minutes=4))
    source, erp = row.channels[1].connectors
    assert source.since is None
    assert (erp.connection, erp.since) == ("disconnected", NOON + timedelta(minutes=2))


def test_an_engine_that_is_away_is_a_reading_and_is_asked_less_often(
    engine: Engine, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    poller = Poller(config(engine, poll_seconds=10), store)
    poller.step(NOON)
    engine.broken = 500
    for second in range(10, 310, 5):
        poller.step(NOON + timedelta(seconds=second))
    asked = engine.paths().count("/api/channels/statuses")
    assert 4 <= asked <= 7
    now = NOON + timedelta(seconds=310)
    (row,) = engines(store, now)
    assert (row.state, row.since) == ("away", NOON)
    assert [channel.fresh for channel in row.channels] == [False, False]
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == 1
    engine.broken = 0
    later = NOON + timedelta(minutes=20)
    poller.step(later)
    (row,) = engines(store, later)
    assert (row.state, [channel.fresh for channel in row.channels]) == ("up", [True, True])


def test_an_engine_without_the_dashboard_extension_tells_no_connections(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.without_connections = True
    written: list[Gauge] = []
    poller = Poller(config(engine), NOWHERE, write=lambda store, gauges: written.extend(gauges))
    for minute in range(3):
        poller.step(NOON + timedelta(minutes=minute))
    assert {gauge.connection for gauge in written} == {""}
    assert written[1].queued == 4
    assert len(caplog.records) == 1


def test_it_signs_in_once_and_again_when_the_session_ends(engine: Engine) -> None:
    poller = Poller(config(engine), NOWHERE, write=lambda store, gauges: None)
    for minute in range(3):
        poller.step(NOON + timedelta(minutes=minute))
    assert engine.paths().count("/api/users/_login") == 1
    engine.sessions.clear()
    assert poller.step(NOON + timedelta(minutes=4)) > 0
    assert engine.paths().count("/api/users/_login") == 2
    assert {method for method, path in engine.requests if not path.endswith("_login")} == {"GET"}


def test_basic_works_too_and_a_wrong_password_is_said_without_it(engine: Engine, tmp_path: Path) -> None:
    assert Client(config(engine, login="basic")).get("/channels/statuses")["list"]
    assert engine.paths() == ["/api/channels/statuses"]
    secret = tmp_path / "password"
    secret.write_text("wrong")
    wrong = config(engine, password_env=None, password_file=str(secret))
    with pytest.raises(EngineRefused) as caught:
        Client(wrong).get("/channels/statuses")
    assert "wrong" not in str(caught.value)
    written: list[Gauge] = []
    Poller(wrong, NOWHERE, write=lambda store, gauges: written.extend(gauges)).step(NOON)
    assert [(gauge.kind, gauge.state) for gauge in written] == [("engine", "refused")]


def test_a_store_that_is_away_gets_the_reading_later(engine: Engine) -> None:
    failing = True
    written: list[Gauge] = []

    def write(where: Store, gauges: Sequence[Gauge]) -> None:
        if failing:
            raise StoreUnavailable("away")
        written.extend(gauges)

    poller = Poller(config(engine, poll_seconds=10), NOWHERE, write=write)
    with pytest.raises(StoreUnavailable):
        poller.step(NOON)
    failing = False
    later = NOON + timedelta(seconds=10)
    assert poller.step(later) == len(written) == 14
    assert {gauge.at for gauge in written if gauge.connector_id == ENGINE} == {NOON, later}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(WORDS),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_an_engine_answers_is_read_without_a_failure(document: Any) -> None:
    for gauge in mirth.gauges("oie", document, document, document, {}, NOON):
        assert gauge.channel_id
        assert gauge.queued >= 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"url": "https://user:secret@engine:8443"}, "without user or password"),
        ({"url": "engine:8443"}, "https://engine:8443"),
        ({"password_env": None}, "password_file"),
        ({"password_file": "x"}, "password_file"),
        ({"tls": {"verify": False}}, "write https"),
    ],
)
def test_wrong_settings_are_said(engine: Engine, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        config(engine, **changes)


@pytest.mark.parametrize(("folder", "cluster"), [("single", None), ("cluster", "hospital")])
def test_the_table_is_what_its_golden_file_says(folder: str, cluster: str | None) -> None:
    golden = Path(__file__).parent / "golden" / folder / MIGRATION.file
    assert render(MIGRATION.text, cluster) == golden.read_text()
