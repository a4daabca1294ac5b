"""What Caretrail tells about its own work, by the OpenTelemetry SDK and over a real socket."""

from __future__ import annotations

import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from caretrail import telemetry
from caretrail.loops import Loop
from tests.front.demo_process import eventually


def test_loops_are_traced_without_the_text_of_their_errors() -> None:
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tracer, stop = telemetry.start(f"http://127.0.0.1:{server.server_port}/", "evaluate", "northside")

    def step(now: datetime) -> None:
        if loop.status.last_step is not None:
            raise ValueError("V4711 is in this row")

    loop = Loop("evaluation", step, 0.01, tracer)
    loop.start()
    eventually(lambda: loop.status.failing)
    loop.stop()
    stop()
    server.shutdown()
    server.server_close()
    found = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    resource = found[0].resource_spans[0].resource
    assert {item.key: item.value.string_value for item in resource.attributes}[
        "service.name"
    ] == "caretrail-evaluate"
    spans = [s for one in found for r in one.resource_spans for g in r.scope_spans for s in g.spans]
    assert {span.name for span in spans} == {"evaluation"}
    assert [span.status.code for span in spans][:2] == [0, 2]
    assert spans[1].status.message == "ValueError"
    assert not any(b"V4711" in body for body in bodies)
