"""A receiver on real sockets with a log of its own, and spans to send to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.receiver import HttpServer, Limits, Metrics, create_app, serve_http
from collector.receiver import grpc as otlp_grpc
from collector.wal import Wal
from tracing.context import SiteKey
from tracing.keys import Sealer


@dataclass
class Running:
    """A receiver and what it has accepted."""

    wal: Wal
    http: HttpServer
    grpc: otlp_grpc.GrpcReceiver
    _bodies: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.port}"

    @property
    def traces(self) -> str:
        return f"{self.url}/v1/traces"

    def bodies(self) -> list[bytes]:
        """Everything that is durable, in the order of acceptance; taken out of the log."""
        while (segment := self.wal.take(0.1)) is not None:
            self._bodies += [bytes(record.body) for record in self.wal.read(segment)]
            self.wal.done(segment)
        return self._bodies

    def spans(self) -> list[Any]:
        """The spans of all accepted bodies."""
        request = ExportTraceServiceRequest.FromString(b"".join(self.bodies()))
        return [
            span
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


MakeReceiver = Callable[..., Running]


@pytest.fixture
def make_receiver(tmp_path: Path) -> Iterator[MakeReceiver]:
    """Starts a receiver; keyword `limits`, all others go to the log."""
    started: list[Running] = []

    def make(limits: Limits | None = None, sealer: Sealer | None = None, **wal_options: Any) -> Running:
        options: dict[str, Any] = {"reserve_bytes": 0, "segment_age": 0.02} | wal_options
        wal = Wal(tmp_path / f"wal-{len(started)}", **options)
        counters = Metrics()
        app = create_app(wal, limits, sealer, counters=counters)
        running = Running(
            wal,
            serve_http(app, "127.0.0.1", 0),
            otlp_grpc.serve(wal, "127.0.0.1:0", limits, counters=counters),
        )
        started.append(running)
        return running

    yield make
    for running in started:
        running.http.stop()
        running.grpc.stop(0.2)
        running.wal.close()


@pytest.fixture
def receiver(make_receiver: MakeReceiver) -> Running:
    return make_receiver()


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return Sealer(SiteKey.create(tmp_path / "site.key"))


def request_with(spans: int, *, name: str = "forward ehr-adt") -> ExportTraceServiceRequest:
    """A request of so many good spans with random ids."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for _ in range(spans):
        span = scope.spans.add(trace_id=os.urandom(16), span_id=os.urandom(8), name=name, kind=4)
        span.start_time_unix_nano = 1_700_000_000_000_000_000
        span.end_time_unix_nano = 1_700_000_000_005_000_000
        attribute = span.attributes.add(key="integration.message")
        attribute.value.string_value = "ADT^A03"
    return request
