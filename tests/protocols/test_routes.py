"""Route templates, the OpenAPI documents they may come from, and form bodies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracing.protocols import form, openapi
from tracing.protocols.openapi import OpenApiError
from tracing.protocols.routes import RouteError, Routes

ROUTES = Routes(
    [
        "POST /orders/{id}/lines",
        "GET /orders/{id}",
        "GET /orders/latest",
        "GET /A_Order('{id}')",
        "GET /A_Item(Order='{order}',Item='{item}')",
        "GET /files/{name}.pdf",
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "template", "parameters"),
    [
        ("POST", "/orders/4%2F5/lines", "POST /orders/{id}/lines", {"id": "4/5"}),
        ("POST", "/orders/4/lines/", "POST /orders/{id}/lines", {"id": "4"}),
        ("GET", "/orders/latest", "GET /orders/latest", {}),
        ("GET", "/orders/early", "GET /orders/{id}", {"id": "early"}),
        ("GET", "/A_Order('45')", "GET /A_Order('{id}')", {"id": "45"}),
        (
            "GET",
            "/A_Item(Order='4',Item='5')",
            "GET /A_Item(Order='{order}',Item='{item}')",
            {"order": "4", "item": "5"},
        ),
        ("GET", "/files/a.b.pdf", "GET /files/{name}.pdf", {"name": "a.b"}),
    ],
)
def test_a_path_fits_its_template(method: str, path: str, template: str, parameters: dict[str, str]) -> None:
    assert ROUTES.match(method, path) == (template, parameters)


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/orders/4"), ("GET", "/orders"), ("GET", "/orders/4/5"), ("GET", "/" * 5000)],
)
def test_what_fits_none_has_none(method: str, path: str) -> None:
    assert ROUTES.match(method, path) is None


@pytest.mark.parametrize("template", ["post /x", "POST x", "POST /{a", "POST /a}b", "/x"])
def test_templates_are_checked(template: str) -> None:
    with pytest.raises(RouteError):
        Routes([template])


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="/A_Item()=',{}ordes%41", max_size=300))
def test_no_path_raises(path: str) -> None:
    ROUTES.match("GET", path)


SPEC = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://erp.example/api/v1/"}, {"url": "/{tenant}"}],
    "paths": {
        "/orders/{id}": {"get": {}, "delete": {}, "parameters": []},
        "/shared": {"$ref": "#/components/pathItems/Shared"},
    },
    "components": {"pathItems": {"Shared": {"post": {}}}},
}


def test_operations_of_an_openapi_document(tmp_path: Path) -> None:
    file = tmp_path / "api.json"
    file.write_text(json.dumps(SPEC))
    assert openapi.load(file) == [
        "GET /api/v1/orders/{id}",
        "GET /{tenant}/orders/{id}",
        "DELETE /api/v1/orders/{id}",
        "DELETE /{tenant}/orders/{id}",
        "POST /api/v1/shared",
        "POST /{tenant}/shared",
    ]
    assert openapi.routes({"swagger": "2.0", "basePath": "/b", "paths": {"/x": {"put": {}}}}) == ["PUT /b/x"]
    assert openapi.load(file, base="")[-1] == "POST /shared"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[]", "mapping"),
        ("a: 1", "openapi"),
        ("openapi: 3.0.0\npaths: 1", "paths"),
        ("openapi: 3.0.0\npaths: {orders: {}}", "paths.orders"),
        ("openapi: 3.0.0\npaths: {/a: {$ref: 'b.yaml#/x'}}", "paths./a"),
        ("openapi: 3.0.0\npaths: {/a: {$ref: '#/paths/~1a'}}", "circle"),
        ("a: [}", ":1:5"),
    ],
)
def test_a_document_that_is_none_is_located(tmp_path: Path, text: str, place: str) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(text)
    with pytest.raises(OpenApiError, match="api.yaml.*" + place):
        openapi.load(file)


def test_forms() -> None:
    assert form.urlencoded(b"a=1&b=x%20y&a=2&c=") == {"a": ["1", "2"], "b": ["x y"], "c": [""]}
    assert form.urlencoded(b"&".join(b"a=1" for _ in range(2000))) == {}
    body = (
        b'--B\r\nContent-Disposition: form-data; name="visit"\r\n\r\nV1\r\n'
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="jane.pdf"\r\n\r\n%PDF\r\n--B--\r\n'
    )
    assert form.multipart(body, 'multipart/form-data; boundary="B"') == {"visit": ["V1"]}
    assert form.multipart(body, "multipart/form-data") == {}


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_form_raises(body: bytes) -> None:
    form.urlencoded(body)
    form.multipart(b"--B" + body, "multipart/form-data; boundary=B")
