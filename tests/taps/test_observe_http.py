"""What the HTTP tap reads from ERP and SaaS traffic, through the observer that live and history share."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from collector.taps.config import TapConfigError
from collector.taps.replay import Observer
from tests.taps.world import SITE, Kept, Seen, interfaces, token

ERP = {"name": "erp", "kind": "http", "listen": "127.0.0.1:0", "upstream": "http://127.0.0.1:8080"}
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def observe(
    sink: Kept,
    settings: dict[str, Any],
    line: str = "POST /orders",
    request: bytes = b"",
    status: int | None = 200,
    response: bytes = b"",
    headers: dict[str, str] | None = None,
    kind: str = "application/json",
) -> Seen:
    """The span of one exchange."""
    method, path = line.split(" ", 1)
    given = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    given.append((b"content-type", kind.encode()))
    observer = Observer(interfaces(ERP | settings), SITE, sink)
    observer.observe_http(
        "erp",
        method,
        path,
        request,
        status,
        response,
        1_000,
        2_000,
        given,
        [(b"Content-Type", kind.encode())],
    )
    return sink.spans[-1]


def test_keys_of_every_place(sink: Kept) -> None:
    settings = {
        "routes": ["POST /orders/{id}/lines"],
        "keys": [
            {"kind": "purchase_order", "path": "id"},
            {"kind": "visit", "query": "visit"},
            {"kind": "case", "header": "X-Case"},
            {"kind": "account", "pointer": "/account"},
            {"kind": "order", "jmespath": "refs[?type=='order'].value | [0]"},
            {"kind": "document", "response": "/number", "authority": "ERP"},
            {"kind": "shipment", "response": {"jmespath": "to_string(shipment.id)"}},
        ],
    }
    body = json.dumps(
        {"account": 17, "refs": [{"type": "x", "value": "9"}, {"type": "order", "value": "O1"}]}
    )
    answer = b'{"number": "D1", "shipment": {"id": 5}}'
    seen = observe(
        sink, settings, "POST /orders/P%2F1/lines?visit=V1&x=1", body.encode(), 201, answer, {"x-case": "C1"}
    )
    assert seen.tokens == {
        "visit": token("visit", "V1"),
        "account": token("account", "17"),
        "order": token("order", "O1"),
        "case": token("case", "C1"),
        "purchase_order": token("purchase_order", "P/1"),
        "shipment": token("shipment", "5"),
        "document": token("document", "D1", "ERP"),
    }
    assert seen.trace == token("visit", "V1")
    assert seen["integration.operation"] == "POST /orders/{id}/lines"


def test_a_key_may_belong_to_one_operation(sink: Kept) -> None:
    settings = {
        "routes": ["POST /orders/{id}", "POST /people/{id}"],
        "keys": [
            {"kind": "order", "path": "id", "operations": ["POST /orders/{id}"]},
            {"kind": "mrn", "path": "id", "operations": ["POST /people/{id}"]},
        ],
    }
    assert observe(sink, settings, "POST /orders/7").tokens == {"order": token("order", "7")}
    assert observe(sink, settings, "POST /people/7").tokens == {"mrn": token("mrn", "7")}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"visit=V1&amount=12.5&text=JANE"),
        (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="visit"\r\n\r\nV1\r\n--B\r\n'
            b'Content-Disposition: form-data; name="amount"\r\n\r\n12.5\r\n--B--\r\n',
        ),
    ],
)
def test_forms(sink: Kept, kind: str, body: bytes) -> None:
    settings = {"keys": [{"kind": "visit", "form": "visit"}], "measures": {"amount": {"form": "amount"}}}
    seen = observe(sink, settings, request=body, kind=kind)
    assert (seen.trace, seen["integration.measure.amount"]) == (token("visit", "V1"), 12.5)


def test_xml_and_soap(sink: Kept) -> None:
    settings = {
        "soap": True,
        "namespaces": {"o": "urn:o"},
        "keys": [{"kind": "purchase_order", "xpath": "//o:Create/o:Number"}],
        "attributes": {"site": {"xpath": "//o:Create/@site"}},
    }
    envelope = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:o="urn:o"><e:Body>'
        b'<o:Create site="N1"><o:Number>P1</o:Number></o:Create></e:Body></e:Envelope>'
    )
    fault = envelope.replace(b"o:Create", b"e:Fault").replace(b"o:Number>", b"faultcode>")
    seen = observe(
        sink, settings, "POST /ws", envelope, 200, fault, {"SOAPAction": '"urn:o/CreateOrder"'}, "text/xml"
    )
    assert seen["integration.operation"] == "SOAP CreateOrder"
    assert (seen["integration.outcome"], seen["integration.reason"]) == ("error", "P1")
    assert seen.tokens == {"purchase_order": token("purchase_order", "P1")}
    assert seen["integration.attribute.site"] == "N1"


def test_soap_operations_that_senders_invent_are_bounded(sink: Kept) -> None:
    observer = Observer(interfaces(ERP | {"soap": True}), SITE, sink)
    for number in range(400):
        body = b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>'
        headers = [(b"soapaction", b"op%d" % number), (b"content-type", b"text/xml")]
        observer.observe_http("erp", "POST", "/", body, 200, b"", number, number, headers)
    assert len({seen["integration.operation"] for seen in sink.spans}) == 257


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b'{"failed": 0}', "accepted"),
        (b'{"failed": "false"}', "accepted"),
        (b"{}", "accepted"),
        (b"not json", "accepted"),
        (b'{"failed": 2, "code": "E7"}', "error"),
        (b'{"failed": ["JANE"], "code": "E7"}', "error"),
    ],
)
def test_a_failure_inside_a_success(sink: Kept, answer: bytes, outcome: str) -> None:
    seen = observe(sink, {"failure": "/failed", "reason": "/code"}, response=answer)
    assert (seen["integration.outcome"], seen["integration.reason"]) == (
        outcome,
        "E7" if outcome == "error" else None,
    )
    assert b"JANE" not in sink.bytes


def test_a_refused_request_made_no_document(sink: Kept) -> None:
    seen = observe(
        sink, {"keys": [{"kind": "document", "response": "/id"}]}, status=409, response=b'{"id": "1"}'
    )
    assert seen.tokens == {}


def test_headers_are_tokens_that_find_and_never_join(sink: Kept) -> None:
    settings = {"headers": ["X-Request-Id", "Idempotency-Key"]}
    seen = observe(sink, settings, headers={"x-request-id": "MARKED", "Idempotency-Key": "MARKED2"})
    assert [key.split(":")[:2] for key in seen["journey.keys"]] == [
        ["request", "X-REQUEST-ID"],
        ["request", "IDEMPOTENCY-KEY"],
    ]
    assert seen.tokens["request"] == token("request", "MARKED2", "IDEMPOTENCY-KEY")
    assert seen.trace not in (token("request", "MARKED", "X-REQUEST-ID"), seen.tokens["request"])
    assert b"MARKED" not in sink.bytes


@pytest.mark.parametrize(
    ("headers", "continued"),
    [
        ({"traceparent": PARENT}, True),
        ({"TRACEPARENT": PARENT, "tracestate": "a=1,b=2"}, True),
        ({"traceparent": PARENT.upper()}, False),
        ({"traceparent": PARENT, "Traceparent": PARENT}, False),
        ({"traceparent": "00-" + "0" * 32 + "-00f067aa0ba902b7-01"}, False),
        ({"traceparent": PARENT[:-3]}, False),
    ],
)
def test_context_that_came_wins_and_the_keys_are_linked(
    sink: Kept, headers: dict[str, str], continued: bool
) -> None:
    seen = observe(
        sink, {"keys": [{"kind": "visit", "pointer": "/v"}]}, request=b'{"v": "V1"}', headers=headers
    )
    own = token("visit", "V1")
    if continued:
        assert (seen.trace, seen.parent, seen.links) == (PARENT[3:35], PARENT[36:52], [own])
        assert seen["journey.trace_id"] == own
    else:
        assert (seen.trace, seen.parent, seen.links, seen["journey.trace_id"]) == (own, "", [], None)
    assert seen.tokens == {"visit": own}
    assert (b"a=1,b=2" in sink.bytes) == ("tracestate" in headers)


def test_an_openapi_file_names_the_operations(sink: Kept, tmp_path: Path) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(
        "openapi: 3.0.0\nservers: [{url: 'https://erp/api'}]\npaths:\n  /orders/{id}/lines: {post: {}}\n"
    )
    settings = {"openapi": str(file), "keys": [{"kind": "order", "path": "id"}]}
    seen = observe(sink, settings, "POST /api/orders/7/lines")
    assert seen["integration.operation"] == "POST /api/orders/{id}/lines"
    assert seen.tokens == {"order": token("order", "7")}
    file.write_text("openapi: 3.0.0\n")
    with pytest.raises(TapConfigError, match=r"interface 'erp': openapi: .*api.yaml: paths"):
        observe(sink, settings)


@pytest.mark.parametrize(
    ("body", "kind", "unread", "place", "unseen"),
    [
        (b'{"a": \n}', "application/json", "not_json", "2:1", 0),
        (b"<a>", "text/xml", "not_json", None, 0),
        (b"<a></b>", "text/xml", "not_xml", "1:6", 0),
        (b"%PDF", "application/pdf", "not_json", None, 0),
        (b"x" * 600, "application/json", "too_large", None, 1),
    ],
)
def test_what_cannot_be_read_is_said(
    sink: Kept, body: bytes, kind: str, unread: str, place: str | None, unseen: int
) -> None:
    rule = {"xpath": "/a"} if unread == "not_xml" else {"pointer": "/a"}
    observer = Observer(
        interfaces(ERP | {"keys": [rule | {"kind": "visit"}], "max_body_bytes": 500}), SITE, sink
    )
    observer.observe_http("erp", "POST", "/x", body, 200, b"", 1, 2, [(b"Content-Type", kind.encode())])
    seen = sink.spans[0]
    assert (seen["integration.unread"], seen["integration.unread.place"]) == (unread, place)
    assert observer.http["erp"].unseen == unseen


def test_compressed_answers_are_read(sink: Kept) -> None:
    observer = Observer(interfaces(ERP | {"reason": "/code"}), SITE, sink)
    observer.observe_http(
        "erp",
        "POST",
        "/",
        b"",
        422,
        gzip.compress(b'{"code": "E1"}'),
        1,
        2,
        [],
        [(b"Content-Encoding", b"gzip")],
    )
    assert sink.spans[0]["integration.reason"] == "E1"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"keys": [{"kind": "visit"}]}, r"keys\[0\]: exactly one of"),
        ({"keys": [{"kind": "visit", "pointer": "/a", "query": "b"}]}, r"keys\[0\]: exactly one of.* 2"),
        ({"keys": [{"kind": "visit", "path": "id"}]}, r"keys\[0\]: path: no route has a parameter 'id'"),
        ({"keys": [{"kind": "visit", "xpath": "a/b"}]}, r"keys\[0\]: xpath: 'a/b' is not a path"),
        ({"keys": [{"kind": "visit", "jmespath": "a["}]}, r"jmespath: 'a\[' is not JMESPath"),
        ({"measures": {"x": {"header": "a b"}}}, "is not the name of a header"),
        ({"fhir": "fhir"}, "is not a base path"),
        ({"context": "always"}, "context"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], why: str) -> None:
    with pytest.raises(TapConfigError, match=r"interface 'erp': .*" + why):
        interfaces(ERP | change)


def test_bodies_are_kept_only_when_asked_for_and_then_sealed(sink: Kept) -> None:
    observe(sink, {}, request=b'"MARKED"', response=b'"MARKED"')
    plain = dict(sink.spans[0].attributes)
    observe(sink, {"capture": {}}, request=b'"MARKED"', response=b'"MARKED"')
    more = set(sink.spans[1].attributes) - set(plain)
    assert len(more) == 2
    assert b"MARKED" not in sink.bytes
