"""Delivery: at least once, in order, with the collector away, overloaded, confused, or saying no."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.taps.sender import Endpoint, EndpointError, Sender, rejected_spans, retry_after_seconds
from collector.taps.spool import Spool
from collector.taps.spool_reader import SpoolReader
from tests.taps.test_spool import RESOURCE, SCOPES, one
from tests.taps.world import Collector, wait_for


class Rig:
    """A spool with a sender."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = Spool(folder, RESOURCE)
        self.reader = SpoolReader(self.spool)
        self.sender: Sender | None = None

    def start(self, url: str, **options: object) -> Sender:
        self.sender = Sender(self.reader, url, longest_wait=0.3, **options)  # type: ignore[arg-type]
        self.sender.start()
        return self.sender

    def append(self, *numbers: int) -> None:
        for number in numbers:
            assert self.spool.append(SCOPES[0], one(number))

    def stop(self, drain: float = 0.0) -> None:
        if self.sender is not None:
            self.sender.stop(drain)
            self.sender = None
        self.spool.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.stop()


def names(collector: Collector) -> list[int]:
    return [int(seen.name) for seen in collector.spans]


def test_spans_arrive(rig: Rig, collector: Collector) -> None:
    sender = rig.start(collector.url)
    rig.append(1, 2, 3)
    wait_for(lambda: names(collector) == [1, 2, 3])
    wait_for(lambda: sender.counters.sent == 3)
    assert collector.encodings == [None]  # on this machine compressing only costs


def test_compressed_where_it_goes_over_a_network(rig: Rig, collector: Collector) -> None:
    rig.start(collector.url, compress=True)
    rig.append(1)
    wait_for(lambda: names(collector) == [1])
    assert collector.encodings == ["gzip"]


def test_a_collector_that_is_away_gets_everything_when_it_comes(rig: Rig) -> None:
    with Collector() as gone:
        port = gone.port
    sender = rig.start(f"http://127.0.0.1:{port}")
    rig.append(*range(100))
    wait_for(lambda: sender.counters.failures >= 2)
    with Collector(port) as back:
        wait_for(lambda: names(back) == list(range(100)))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 401, 404])
def test_what_may_pass_is_tried_again(rig: Rig, collector: Collector, status: int) -> None:
    collector.answers = [(status, {}, b"later")] * 2
    sender = rig.start(collector.url)
    rig.append(1)
    wait_for(lambda: names(collector) == [1])
    assert sender.counters.failures == 2


def test_retry_after_is_honoured(rig: Rig, collector: Collector) -> None:
    collector.answers = [(503, {"Retry-After": "1"}, b"")]
    rig.append(1)
    start = time.monotonic()
    rig.start(collector.url)
    wait_for(lambda: names(collector) == [1])
    assert time.monotonic() - start >= 1.0


def test_what_is_refused_for_good_does_not_block_the_rest(rig: Rig, collector: Collector) -> None:
    collector.answers = [(400, {}, b"")]
    sender = rig.start(collector.url)
    rig.append(1)
    wait_for(lambda: sender.counters.refused == 1)
    rig.append(2)
    wait_for(lambda: names(collector) == [2])


def test_a_body_that_is_too_large_is_sent_in_parts(rig: Rig, collector: Collector) -> None:
    collector.answers = [(413, {}, b"")] * 5
    rig.append(*range(200))
    rig.start(collector.url)
    wait_for(lambda: names(collector) == list(range(200)))
    assert len(collector.bodies) > 1


def test_partial_success_is_counted(rig: Rig, collector: Collector) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 1
    collector.answers = [(200, {}, answer.SerializeToString())]
    rig.append(1, 2)
    sender = rig.start(collector.url)
    wait_for(lambda: sender.counters.sent == 1)
    assert sender.counters.rejected == 1


def test_unsent_spans_survive_a_restart_and_sent_ones_stay_sent(tmp_path: Path) -> None:
    with Collector() as first:
        rig = Rig(tmp_path)
        rig.append(1)
        rig.start(first.url)
        wait_for(lambda: names(first) == [1])
        wait_for(lambda: not rig.reader.waiting)
        port = first.port
    rig.append(2)
    rig.stop()
    with Collector(port) as second:
        again = Rig(tmp_path)
        again.append(3)
        again.start(second.url)
        wait_for(lambda: names(second) == [2, 3])
        again.stop()


def test_stopping_sends_what_is_left(rig: Rig, collector: Collector) -> None:
    rig.start(collector.url)
    rig.append(*range(1000))
    rig.stop(5.0)
    assert names(collector) == list(range(1000))


def test_the_answer_of_a_collector_is_not_repeated_in_the_log(
    rig: Rig, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.answers = [(400, {}, b"bad value SECRET1"), (500, {}, b"SECRET1")]
    sender = rig.start(collector.url)
    rig.append(1)
    wait_for(lambda: sender.counters.refused == 1)
    rig.append(2)
    wait_for(lambda: names(collector) == [2])
    assert "SECRET1" not in caplog.text


def test_endpoints() -> None:
    assert Endpoint.parse("http://h:4318") == Endpoint(False, "h", 4318, "/v1/traces")
    assert Endpoint.parse("https://h/otlp/v1/traces") == Endpoint(True, "h", 4318, "/otlp/v1/traces")
    for bad in ("h:4318", "ftp://h", "http://", "http://h:99999"):
        with pytest.raises(EndpointError, match="OTLP endpoint"):
            Endpoint.parse(bad)


def test_retry_after_forms() -> None:
    now = 1_800_000_000.0
    assert retry_after_seconds("7", now) == 7
    assert retry_after_seconds(formatdate(now + 30, usegmt=True), now) == pytest.approx(30, abs=1)
    assert retry_after_seconds(formatdate(now - 30, usegmt=True), now) == 0
    assert retry_after_seconds("soon", now) is None
    assert retry_after_seconds(None, now) is None


def test_an_answer_that_is_no_protobuf_rejects_nothing() -> None:
    assert rejected_spans(b"\xff\xff<html>") == 0
