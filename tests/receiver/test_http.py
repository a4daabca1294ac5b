"""OTLP over HTTP, line by line of the specification, against a real socket."""

from __future__ import annotations

import gzip
import json
import os
import socket
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.rpc.error_details_pb2 import BadRequest, RetryInfo  # type: ignore[import-untyped,unused-ignore]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped,unused-ignore]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from collector.receiver import Limits
from tests.receiver.conftest import MakeReceiver, Running, request_with

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}


def post(receiver: Running, body: Any, headers: dict[str, str] = PROTOBUF) -> requests.Response:
    return requests.post(receiver.traces, data=body, headers=headers, timeout=30)


def status_of(response: requests.Response) -> Status:
    """The Status of a failed answer, in whichever encoding it came."""
    if response.headers["content-type"] == "application/json":
        document = response.json()
        return Status(code=document["code"], message=document["message"])
    assert response.headers["content-type"] == "application/x-protobuf"
    return Status.FromString(response.content)


def test_success_is_200_with_partial_success_unset(receiver: Running) -> None:
    body = request_with(3).SerializeToString()
    response = post(receiver, body)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-protobuf"
    assert not ExportTraceServiceResponse.FromString(response.content).HasField("partial_success")
    # The bytes go on as they came.
    assert receiver.bodies() == [body]


def test_success_in_json_is_an_empty_object(receiver: Running) -> None:
    response = post(
        receiver, b'{"resourceSpans":[]}', JSON | {"Content-Type": "application/json; charset=utf-8"}
    )
    assert (response.status_code, response.headers["content-type"], response.json()) == (
        200,
        "application/json",
        {},
    )


@pytest.mark.parametrize(
    ("body", "headers"), [(b"", PROTOBUF), (b"{}", JSON), (gzip.compress(b"", mtime=0), PROTOBUF | GZIP)]
)
def test_an_empty_request_is_a_success(receiver: Running, body: bytes, headers: dict[str, str]) -> None:
    assert post(receiver, body, headers).status_code == 200
    assert receiver.bodies() == []


def test_a_request_of_empty_scopes_is_a_success_that_stores_nothing(receiver: Running) -> None:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add()
    assert post(receiver, request.SerializeToString()).status_code == 200
    assert receiver.bodies() == []


@pytest.mark.parametrize("kind", ["application/x-protobuf", "application/protobuf", "Application/X-Protobuf"])
def test_the_answer_has_the_type_of_the_request(receiver: Running, kind: str) -> None:
    response = post(receiver, request_with(1).SerializeToString(), {"Content-Type": kind})
    assert response.headers["content-type"] == kind.lower()


def test_gzip_is_accepted(receiver: Running) -> None:
    body = request_with(500).SerializeToString()
    assert post(receiver, gzip.compress(body), PROTOBUF | GZIP).status_code == 200
    assert receiver.bodies() == [body]


def test_gzip_in_several_members_and_tiny_chunks_is_accepted(receiver: Running) -> None:
    body = request_with(20).SerializeToString()
    packed = gzip.compress(body[:100]) + gzip.compress(body[100:])

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(packed), 7):
            yield packed[at : at + 7]

    assert post(receiver, chunks(), PROTOBUF | GZIP).status_code == 200
    assert receiver.bodies() == [body]


@pytest.mark.parametrize(
    "body",
    [
        b"not gzip at all",
        gzip.compress(request_with(50).SerializeToString(), mtime=0)[:-9],
        gzip.compress(request_with(50).SerializeToString(), mtime=0)[:-8] + b"\0" * 8,
        gzip.compress(b"", mtime=0) + b"rubbish behind it",
        zlib.compress(b"deflate, not gzip"),
    ],
    ids=["no-gzip", "cut", "bad-checksum", "rubbish-behind", "deflate"],
)
def test_bad_gzip_is_400(receiver: Running, body: bytes) -> None:
    response = post(receiver, body, PROTOBUF | GZIP)
    assert response.status_code == 400
    assert status_of(response).code == 3
    assert "gzip" in status_of(response).message
    assert receiver.bodies() == []


def test_a_gzip_bomb_is_413_and_costs_no_memory(make_receiver: MakeReceiver) -> None:
    receiver = make_receiver(Limits(inflated_bytes=1 << 20))
    bomb = gzip.compress(bytes(200 << 20), 9)
    assert len(bomb) < 1 << 20
    before = resident_bytes()
    response = post(receiver, bomb, PROTOBUF | GZIP)
    assert response.status_code == 413
    assert status_of(response).code == 8
    assert "1048576" in status_of(response).message
    assert "retry-after" not in response.headers
    assert resident_bytes() - before < 50 << 20


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_exactly_the_limit_is_taken_and_one_byte_more_is_not(make_receiver: MakeReceiver) -> None:
    body = request_with(10).SerializeToString()
    fits = make_receiver(Limits(body_bytes=len(body), inflated_bytes=len(body)))
    assert post(fits, body).status_code == 200
    packed = gzip.compress(body)
    assert post(fits, packed, PROTOBUF | GZIP).status_code == 200
    tight = make_receiver(Limits(body_bytes=len(body) - 1, inflated_bytes=len(body) - 1))
    assert post(tight, body).status_code == 413
    assert post(tight, packed, PROTOBUF | GZIP).status_code == 413


def test_a_large_body_is_413_whether_announced_or_chunked(make_receiver: MakeReceiver) -> None:
    receiver = make_receiver(Limits(body_bytes=100_000))
    big = bytes(3_000_000)
    assert post(receiver, big).status_code == 413
    assert post(receiver, iter([big[:50_000]] * 60)).status_code == 413
    # The connection and the receiver are fit for the next one.
    assert post(receiver, request_with(1).SerializeToString()).status_code == 200


@pytest.mark.parametrize("cut", [1, 7, 40, 200])
def test_truncated_protobuf_is_400_with_a_status_in_protobuf(receiver: Running, cut: int) -> None:
    response = post(receiver, request_with(20).SerializeToString()[:-cut])
    assert response.status_code == 400
    assert status_of(response).code == 3
    assert "ExportTraceServiceRequest" in status_of(response).message
    assert receiver.bodies() == []


def test_text_that_is_not_utf8_is_400(receiver: Running) -> None:
    body = request_with(1, name="x" * 20).SerializeToString().replace(b"x" * 20, b"\xff" * 20)
    assert post(receiver, body).status_code == 400


def test_text_nested_too_deeply_is_400(receiver: Running) -> None:
    request = request_with(1)
    value = request.resource_spans[0].scope_spans[0].spans[0].attributes[0].value
    for _ in range(60):
        value = value.array_value.values.add()
    value.int_value = 1
    response = post(receiver, request.SerializeToString())
    assert response.status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/grpc", ""])
def test_another_content_type_is_415_with_a_status(receiver: Running, kind: str) -> None:
    response = post(receiver, b"x", {"Content-Type": kind})
    assert response.status_code == 415
    assert "application/x-protobuf" in status_of(response).message


def test_another_encoding_is_415(receiver: Running) -> None:
    response = post(receiver, b"x", PROTOBUF | {"Content-Encoding": "zstd"})
    assert response.status_code == 415
    assert "gzip" in status_of(response).message


def test_other_paths_are_404_and_other_methods_405_as_status(receiver: Running) -> None:
    response = requests.post(f"{receiver.url}/v1/logs", data=b"", headers=PROTOBUF, timeout=5)
    assert response.status_code == 404
    assert status_of(response).code == 5
    response = requests.get(receiver.traces, headers=JSON, timeout=5)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert status_of(response).code == 12


def faulty_request() -> ExportTraceServiceRequest:
    """Six spans, four of them with ids nobody can use."""
    request = request_with(6)
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[0].trace_id = bytes(16)
    spans[2].trace_id = b"short"
    spans[3].span_id = bytes(8)
    spans[5].span_id = b"much too long for it"
    return request


def test_spans_with_unusable_ids_are_rejected_and_the_rest_is_stored(receiver: Running) -> None:
    request = faulty_request()
    response = post(receiver, request.SerializeToString())
    assert response.status_code == 200
    partial = ExportTraceServiceResponse.FromString(response.content).partial_success
    assert partial.rejected_spans == 4
    assert partial.error_message.startswith("4 spans rejected: ")
    assert "1 with an all-zero trace_id (resource_spans[0].scope_spans[0].spans[0])" in partial.error_message
    good = [request.resource_spans[0].scope_spans[0].spans[number] for number in (1, 4)]
    assert receiver.spans() == good


def test_partial_success_in_json(receiver: Running) -> None:
    document = {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174"},
                            {"traceId": "0" * 32, "spanId": "eee19b7ec3c1b173"},
                            {"traceId": "no hexadecimal", "spanId": "eee19b7ec3c1b173"},
                        ]
                    }
                ]
            }
        ]
    }
    response = post(receiver, json.dumps(document), JSON)
    assert response.status_code == 200
    assert response.json()["partialSuccess"]["rejectedSpans"] == "2"
    (span,) = receiver.spans()
    assert span.trace_id.hex() == "5b8efff798038103d269b633813fc60c"


def test_a_request_of_unusable_spans_only_stores_nothing(receiver: Running) -> None:
    request = request_with(1)
    request.resource_spans[0].scope_spans[0].spans[0].trace_id = b""
    response = post(receiver, request.SerializeToString())
    assert ExportTraceServiceResponse.FromString(response.content).partial_success.rejected_spans == 1
    assert receiver.bodies() == []


def test_a_huge_attribute_is_kept(receiver: Running) -> None:
    request = request_with(1)
    request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="huge").value.string_value = (
        "x" * 20_000_000
    )
    body = request.SerializeToString()
    assert post(receiver, body).status_code == 200
    assert receiver.bodies() == [body]


def test_unknown_fields_pass_through(receiver: Running) -> None:
    unknown = bytes((0xFA, 0x3E, 3)) + b"new"  # field 1007, length-delimited
    body = request_with(1).SerializeToString() + unknown
    assert post(receiver, body).status_code == 200
    assert receiver.bodies() == [body]


def test_the_same_body_sent_again_is_acknowledged_and_kept_once(receiver: Running) -> None:
    body = request_with(5).SerializeToString()
    assert [post(receiver, body).status_code for _ in range(3)] == [200] * 3
    assert receiver.bodies() == [body]


def test_bad_json_is_400_with_a_status_in_json_that_names_the_place(receiver: Running) -> None:
    response = post(
        receiver, b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}', JSON
    )
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert document["code"] == 3
    place = "resourceSpans[0].scopeSpans[0].spans[0].kind"
    assert document["message"].startswith(place)
    (detail,) = document["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert detail["fieldViolations"][0]["field"] == place


def test_long_errors_are_shortened(receiver: Running) -> None:
    key = "k" * 5000
    document = {"resourceSpans": [{"resource": {"attributes": [{"key": key, "value": {"stringValue": 1}}]}}]}
    response = post(receiver, json.dumps(document), JSON)
    assert len(response.content) < 4000
    assert key not in response.text


def test_when_too_much_waits_the_answer_is_503_with_retry_after(make_receiver: MakeReceiver) -> None:
    receiver = make_receiver(Limits(retry_after_s=7), limit_bytes=3000)
    first = request_with(20).SerializeToString()
    assert post(receiver, first).status_code == 200
    response = post(receiver, request_with(20).SerializeToString())
    assert response.status_code == 503
    assert response.headers["retry-after"] == "7"
    answer = status_of(response)
    assert answer.code == 14
    retry = RetryInfo()
    assert answer.details[0].Unpack(retry)
    assert retry.retry_delay.seconds == 7
    assert receiver.bodies() == [first]  # which drains the log
    assert post(receiver, request_with(20).SerializeToString()).status_code == 200


def test_too_many_bytes_at_once_are_429_and_pass_when_the_first_are_done(make_receiver: MakeReceiver) -> None:
    receiver = make_receiver(Limits(in_flight_bytes=10_000))
    slow = socket.create_connection(("127.0.0.1", receiver.http.port))
    body = request_with(80).SerializeToString()
    assert len(body) > 8000
    slow.sendall(
        b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1]
    )
    other = request_with(40).SerializeToString()
    until = threading.Event()
    for _ in range(100):
        response = post(receiver, other)
        if response.status_code == 429:
            break
        other = request_with(40).SerializeToString()
        until.wait(0.02)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "5"
    slow.sendall(body[-1:])
    assert slow.recv(100).startswith(b"HTTP/1.1 200")
    slow.close()
    assert post(receiver, other).status_code == 200


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(make_receiver: MakeReceiver) -> None:
    receiver = make_receiver(Limits(in_flight_bytes=20_000))
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", receiver.http.port)) as client:
            client.sendall(
                b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                b"Content-Length: 15000\r\n\r\n" + bytes(14_000)
            )
    body = request_with(80).SerializeToString()
    for _ in range(100):
        response = post(receiver, body)
        if response.status_code == 200:
            break
    assert response.status_code == 200


def test_several_connections_at_once(receiver: Running) -> None:
    bodies = [request_with(50).SerializeToString() for _ in range(40)]
    codes: list[int] = []

    def work(part: list[bytes]) -> None:
        with requests.Session() as session:
            for body in part:
                codes.append(
                    session.post(receiver.traces, data=body, headers=PROTOBUF, timeout=10).status_code
                )

    threads = [threading.Thread(target=work, args=(bodies[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 40
    assert sorted(receiver.bodies()) == sorted(bodies)


def test_health_readiness_and_metrics(make_receiver: MakeReceiver) -> None:
    receiver = make_receiver(limit_bytes=1200)
    assert requests.get(f"{receiver.url}/healthz", timeout=5).status_code == 200
    assert requests.get(f"{receiver.url}/readyz", timeout=5).text == "ready\n"
    secret = "Zebedee"
    post(receiver, request_with(5, name=secret).SerializeToString())
    post(receiver, b"rubbish " + secret.encode())
    page = requests.get(f"{receiver.url}/metrics", timeout=5)
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'caretrail_receiver_requests_total{transport="http",code="200"} 1' in page.text
    assert 'caretrail_receiver_requests_total{transport="http",code="400"} 1' in page.text
    assert "caretrail_receiver_spans_total 5" in page.text
    assert "caretrail_wal_pending_bytes" in page.text
    assert secret not in page.text
    receiver.wal.append(bytes(1200 - 12 - receiver.wal.status().pending_bytes)).result(5)
    full = requests.get(f"{receiver.url}/readyz", timeout=5)
    assert full.status_code == 503
    assert "is full" in full.text


def test_a_port_in_use_is_an_error_at_start(receiver: Running) -> None:
    from collector.receiver import create_app, serve_http

    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{receiver.http.port}"):
        serve_http(create_app(receiver.wal), "127.0.0.1", receiver.http.port)


def test_bad_request_details_unpack_in_protobuf() -> None:
    from collector.receiver import answers
    from collector.receiver.refusal import bad

    answer = Status.FromString(answers.failure(answers.PROTOBUF, bad("no", ("a.b", "expected c"))))
    detail = BadRequest()
    assert answer.details[0].Unpack(detail)
    assert detail.field_violations[0].field == "a.b"
