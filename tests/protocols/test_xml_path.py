"""XML: paths to one field, nothing that expands, linear in whatever comes."""

from __future__ import annotations

import pytest

from tracing.protocols import soap, xml_path
from tracing.protocols.xml_path import Path, PathError, XmlError

ORDER = xml_path.parse(
    b"""<?xml version="1.0"?><p:Order xmlns:p="urn:p" number=" 7 ">
    <p:Line n="1"><p:Item>A</p:Item></p:Line>
    <p:Line n="2"><p:Item>B</p:Item><Code>k</Code></p:Line></p:Order>"""
)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/Order/Line/Item", ["A", "B"]),
        ("//Item", ["A", "B"]),
        ("/Order/Line[2]/Item", ["B"]),
        ("/Order/Line[last()]/Item", ["B"]),
        ("/Order/Line[@n='1']/Item/text()", ["A"]),
        ("/Order/Line[Code='k']/@n", ["2"]),
        ("/Order/Line[Code]/Item", ["B"]),
        ("//Line/Item[.='B']", ["B"]),
        ("/*/Line[1]/*", ["A"]),
        ("/Order/@number", ["7"]),
        ("/p:Order/p:Line/p:Item", ["A", "B"]),
        ("/q:Order/q:Line", []),
        ("/Nothing", []),
    ],
)
def test_paths(path: str, values: list[str]) -> None:
    assert Path(path, {"p": "urn:p", "q": "urn:q"}).values(ORDER) == values


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "Order/Line",
        "/Order/..",
        "count(//Line)",
        "/x:Order",
        "//Line[0]",
        "/Order/Line[a or b]",
        "/O[.]",
    ],
)
def test_a_path_that_is_not_understood_is_refused_with_a_hint(path: str) -> None:
    with pytest.raises(PathError):
        Path(path)


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>"""


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS,
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        LAUGHS.decode().encode("utf-16"),
        LAUGHS.decode().encode("utf-16-le"),
        b'<?xml version="1.0" encoding="cp037"?>' + LAUGHS.decode()[21:].encode("cp037"),
    ],
)
def test_nothing_expands(body: bytes) -> None:
    with pytest.raises(XmlError):
        xml_path.parse(body)


def test_damage_is_located() -> None:
    with pytest.raises(XmlError) as caught:
        xml_path.parse(b"<a>\n <b></a>")
    assert caught.value.place == "2:7"


def test_deep_and_wide_documents_are_read() -> None:
    deep = xml_path.parse(b"<a>" * 30_000 + b"x" + b"</a>" * 30_000)
    assert Path("//a//a[1]").values(deep) == ["x"]
    wide = xml_path.parse(b"<r>" + b"<L><N/></L>" * 30_000 + b"<L><N>9</N></L></r>")
    assert Path("//L[last()]/N").values(wide) == ["9"]
    assert Path("/r/L[N='9']/N").values(wide) == ["9"]


FAULT_11 = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>
<faultcode>s:Client.Order</faultcode><faultstring>JANE DOE</faultstring></s:Fault></s:Body></s:Envelope>"""
FAULT_12 = b"""<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code>
<s:Value>s:Sender</s:Value><s:Subcode><s:Value>m:NoSuchOrder</s:Value></s:Subcode></s:Code>
<s:Reason><s:Text>JANE</s:Text></s:Reason><s:Detail><Value>JANE</Value></s:Detail></s:Fault></s:Body></s:Envelope>"""


@pytest.mark.parametrize(("body", "code"), [(FAULT_11, "Client.Order"), (FAULT_12, "NoSuchOrder")])
def test_a_fault_has_its_most_special_code(body: bytes, code: str) -> None:
    assert soap.fault(xml_path.parse(body)) == soap.Fault(code)


def test_an_operation_is_the_action_or_the_first_element() -> None:
    assert soap.action('"urn:purchasing/CreateOrder"', "") == "CreateOrder"
    assert (
        soap.action("", 'application/soap+xml; charset=utf-8; action="urn:x#Submit_Invoice"')
        == "Submit_Invoice"
    )
    assert soap.action('"urn:JANE DOE"', "") == ""
    root = xml_path.parse(FAULT_11.replace(b"s:Fault>", b"Create>"))
    assert soap.operation(root) == "Create"
    assert soap.fault(root) is None
    assert soap.body(xml_path.parse(b"<Envelope><Body/></Envelope>")) is None
