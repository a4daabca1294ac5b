"""Every recipe in docs/taps/recipes loads, and messages of the documented shape go through its interfaces."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.taps.config import AnyInterface, load_interfaces
from collector.taps.replay import Observer
from tests.taps.world import SITE, Kept, token

RECIPES = Path(__file__).parents[2] / "docs" / "taps" / "recipes"


def recipe(name: str) -> list[AnyInterface]:
    """The interfaces of the YAML block on a recipe's page."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (RECIPES / name).read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    return load_interfaces(yaml.safe_load(blocks[0])["interfaces"])


def envelope(body: str) -> bytes:
    """A SOAP 1.1 message."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<env:Header><JANE/></env:Header><env:Body>{body}</env:Body></env:Envelope>"
    ).encode()


IDOC = b"""<?xml version="1.0" encoding="UTF-8"?><ORDERS05><IDOC BEGIN="1"><EDI_DC40 SEGMENT="1">
<MANDT>100</MANDT><DOCNUM>0000000000047112</DOCNUM><DIRECT>2</DIRECT><IDOCTYP>ORDERS05</IDOCTYP>
<MESTYP>ORDERS</MESTYP><ARCKEY>K1</ARCKEY>
<SNDPRN>ENGINE</SNDPRN></EDI_DC40><E1EDK01 SEGMENT="1"><CURCY>USD</CURCY><BELNR>PO1</BELNR></E1EDK01>
<E1EDK02 SEGMENT="1"><QUALF>001</QUALF><BELNR>R1</BELNR></E1EDK02>
<E1EDS01 SEGMENT="1"><SUMID>001</SUMID><SUMME>3</SUMME></E1EDS01></IDOC></ORDERS05>"""
BOD = b"""<ProcessRequisition xmlns="http://schema.infor.com/InforOAGIS/2">
<ApplicationArea><Sender><LogicalID>lid://x
</LogicalID></Sender><BODID>B1</BODID></ApplicationArea><DataArea><Process><ActionCriteria><ActionExpression
actionCode="Add">/</ActionExpression></ActionCriteria></Process><Requisition><RequisitionHeader><DocumentID><ID>R1</ID>
</DocumentID><UserArea><Property><NameValue name="CaseNumber">CASE1</NameValue></Property><Property>
<NameValue name="EncounterNumber">V1</NameValue></Property></UserArea></RequisitionHeader>
<RequisitionLine><Quantity unitCode="EA">2</Quantity>
<SerializedLot><LotIDs><ID>L1</ID></LotIDs></SerializedLot></RequisitionLine>
</Requisition></DataArea></ProcessRequisition>"""
WD = 'xmlns:wd="urn:com.workday/bsvc"'
FUSION = "/fscmRestApi/resources/11.13.18.05"
ODATA = "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder"

CASES: list[tuple[str, str, str, bytes, int, bytes, dict[str, str], dict[str, Any]]] = [
    (
        "sap.md",
        "sap-idoc",
        "POST /sap/bc/srt/idoc?sap-client=100",
        IDOC,
        200,
        b"",
        {"purchase_order": "PO1", "requisition": "R1"},
        {
            "integration.operation": "POST /sap/bc/srt/idoc",
            "integration.attribute.message_type": "ORDERS",
            "integration.measure.lines": 3.0,
        },
    ),
    (
        "sap.md",
        "sap-odata",
        f"POST {ODATA}",
        json.dumps({"CompanyCode": "1710", "CorrespncExternalReference": "A1"}).encode(),
        201,
        b'{"d": {"PurchaseOrder": "4500000001", "TotalNetAmount": "12.50"}}',
        {"account": "A1", "purchase_order": "4500000001"},
        {"integration.attribute.company_code": "1710", "integration.measure.amount": 12.5},
    ),
    (
        "sap.md",
        "sap-odata",
        f"PATCH {ODATA}('4500000001')",
        b'{"CompanyCode": "1710"}',
        400,
        b'{"error": {"code": "MEPO002", "message": {"lang": "en", "value": "JANE"}}}',
        {"purchase_order": "4500000001"},
        {
            "integration.operation": f"PATCH {ODATA}('{{order}}')",
            "integration.outcome": "rejected",
            "integration.reason": "MEPO002",
        },
    ),
    (
        "oracle-fusion.md",
        "fusion-rest",
        f"POST {FUSION}/purchaseRequisitions",
        b'{"RequisitioningBU": "BU"}',
        201,
        b'{"RequisitionHeaderId": 7, "Requisition": "R1"}',
        {"requisition": "R1"},
        {"integration.operation": f"POST {FUSION}/purchaseRequisitions"},
    ),
    (
        "oracle-fusion.md",
        "fusion-rest",
        f"GET {FUSION}/erpintegrations?finder=ESSJobStatusRF;requestId=9",
        b"",
        200,
        b'{"ReqstId": "9", "RequestStatus": "ERROR"}',
        {},
        {"integration.outcome": "error", "integration.reason": "ERROR"},
    ),
    (
        "oracle-fusion.md",
        "fusion-soap",
        "POST /fscmService/ErpIntegrationService",
        envelope(
            "<ns1:submitESSJobRequest xmlns:ns1='urn:t'>"
            "<ns1:jobPackageName>x</ns1:jobPackageName></ns1:submitESSJobRequest>"
        ),
        200,
        envelope(
            "<n:submitESSJobRequestResponse xmlns:n='urn:t'>"
            "<n:result>77</n:result></n:submitESSJobRequestResponse>"
        ),
        {"document": "FUSION-ESS|77"},
        {"integration.operation": "SOAP submitESSJobRequest", "integration.outcome": "accepted"},
    ),
    (
        "workday.md",
        "workday-soap",
        "POST /ccx/service/nsh/Resource_Management/v41.0",
        envelope(
            f"<wd:Submit_Requisition_Request {WD}><wd:Requisition_Data><wd:Requisition_Number>R1"
            "</wd:Requisition_Number></wd:Requisition_Data></wd:Submit_Requisition_Request>"
        ),
        200,
        envelope(
            f"<wd:Submit_Requisition_Response {WD}><wd:Requisition_Reference><wd:ID wd:type='WID'>w1</wd:ID>"
            "</wd:Requisition_Reference></wd:Submit_Requisition_Response>"
        ),
        {"requisition": "R1", "document": "WORKDAY-WID|w1"},
        {"integration.operation": "SOAP Submit_Requisition_Request"},
    ),
    (
        "workday.md",
        "workday-soap",
        "POST /ccx/service/nsh/Resource_Management/v41.0",
        envelope(f"<wd:Submit_Requisition_Request {WD}/>"),
        500,
        envelope(
            "<env:Fault><faultcode>env:Client.validationError</faultcode><faultstring>JANE</faultstring>"
            "<detail>"
            f"<wd:Validation_Fault {WD}><wd:Validation_Error>"
            "<wd:Message>JANE</wd:Message></wd:Validation_Error>"
            "</wd:Validation_Fault></detail></env:Fault>"
        ),
        {},
        {"integration.outcome": "error", "integration.reason": "Client.validationError"},
    ),
    (
        "workday.md",
        "workday-rest",
        "GET /ccx/api/procurement/v5/nsh/requisitions/w1",
        b"",
        200,
        b'{"id": "w1", "requisitionNumber": "R1"}',
        {"requisition": "R1", "document": "WORKDAY-WID|w1"},
        {"integration.operation": "GET /ccx/api/procurement/{version}/{tenant}/requisitions/{wid}"},
    ),
    (
        "infor.md",
        "infor-m3",
        "GET /NSH_PRD/M3/m3api-rest/v2/execute/PPS200MI/GetHead?PUNO=PO1&BANO=L1",
        b"",
        200,
        b'{"results": [{"errorCode": "PUNO_404", "errorMessage": "JANE"}], "nrOfFailedTransactions": 1}',
        {"purchase_order": "PO1", "lot": "L1"},
        {
            "integration.outcome": "error",
            "integration.reason": "PUNO_404",
            "integration.attribute.program": "PPS200MI",
        },
    ),
    (
        "infor.md",
        "infor-bod",
        "POST /ims/bod/process",
        BOD,
        202,
        b"",
        {"visit": "V1", "case": "CASE1", "requisition": "R1", "lot": "L1", "document": "ION-BODID|B1"},
        {"integration.measure.quantity": 2.0, "integration.attribute.process": "Add"},
    ),
]


@pytest.mark.parametrize(
    ("page", "interface", "line", "request_body", "status", "response_body", "keys", "attributes"),
    CASES,
    ids=[f"{case[1]} {case[4]} {number}" for number, case in enumerate(CASES)],
)
def test_a_documented_message(
    sink: Kept,
    page: str,
    interface: str,
    line: str,
    request_body: bytes,
    status: int,
    response_body: bytes,
    keys: dict[str, str],
    attributes: dict[str, Any],
) -> None:
    method, path = line.split(" ")
    xml = b"text/xml; charset=utf-8" if request_body[:1] == b"<" else b"application/json"
    observer = Observer(recipe(page), SITE, sink)
    headers = ((b"Content-Type", xml),)
    observer.observe_http(
        interface, method, path, request_body, status, response_body, 1_000, 2_000, headers, headers
    )
    (seen,) = sink.spans
    for kind, value in keys.items():
        authority, _, own = value.rpartition("|")
        assert token(kind, own, authority or "NSH") in [key.split(":")[2] for key in seen["journey.keys"]], (
            kind
        )
    assert {name: seen[name] for name in attributes} == attributes
    assert seen["integration.unread"] is None
    assert b"JANE" not in sink.bytes


def test_every_page_says_what_was_not_tried() -> None:
    pages = sorted(RECIPES.glob("*.md"))
    assert {page.name for page in pages} == {case[0] for case in CASES}
    for page in pages:
        assert "\n## What was not tried\n" in page.read_text()
