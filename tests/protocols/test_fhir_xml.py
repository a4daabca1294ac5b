"""FHIR as XML says what FHIR as JSON says."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.fhir_examples import CHARGE, CLAIM, CLAIM_RESPONSE, ENCOUNTER, OUTCOME, PATIENT
from tracing.protocols import fhir, fhir_outcome, fhir_xml
from tracing.protocols.xml_path import XmlError, parse


def as_xml(resource: dict[str, Any]) -> bytes:
    """The resource as FHIR XML, written by the rules of json.html read backwards."""
    root = ElementTree.Element(str(resource["resourceType"]), xmlns="http://hl7.org/fhir")
    _write(root, resource)
    return ElementTree.tostring(root)


def _write(parent: ElementTree.Element, members: dict[str, Any]) -> None:
    for name, value in members.items():
        if name == "resourceType":
            continue
        for one in value if isinstance(value, list) else [value]:
            if name == "url" and parent.tag.endswith("xtension"):
                parent.set("url", one)
                continue
            child = ElementTree.SubElement(parent, name)
            if not isinstance(one, dict):
                child.set("value", str(one).lower() if isinstance(one, bool) else str(one))
            elif "resourceType" in one:
                _write(ElementTree.SubElement(child, one["resourceType"]), one)
            else:
                _write(child, one)


def read(body: bytes) -> dict[str, Any]:
    found = fhir_xml.document(parse(body))
    assert found is not None
    return found


@pytest.mark.parametrize("resource", [ENCOUNTER, CLAIM, CLAIM_RESPONSE, CHARGE, PATIENT, OUTCOME])
def test_the_same_keys_and_verdicts_as_in_json(resource: dict[str, Any]) -> None:
    document = read(as_xml(resource))
    assert document["resourceType"] == resource["resourceType"]
    assert fhir.keys(document) == fhir.keys(resource)
    assert fhir_outcome.verdict(document) == fhir_outcome.verdict(resource)


def test_a_bundle_with_its_entries() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:1",
                "resource": ENCOUNTER,
                "request": {"method": "POST", "url": "Encounter"},
            },
            {"resource": PATIENT, "request": {"method": "PUT", "url": "Patient/p1"}},
        ],
    }
    found, expected = fhir.read_document(read(as_xml(bundle))), fhir.read_document(bundle)
    assert (found.bundle, found.total) == ("transaction", 2)
    assert [(one.type, one.keys, one.problem) for one in found.entries] == [
        (one.type, one.keys, one.problem) for one in expected.entries
    ]
    alone = {**bundle, "entry": bundle["entry"][:1]}
    assert fhir.read_document(read(as_xml(alone))).total == 1


def test_a_narrative_an_extension_and_a_contained_resource() -> None:
    body = b"""<Encounter xmlns="http://hl7.org/fhir"><text><status value="generated"/>
      <div xmlns="http://www.w3.org/1999/xhtml">JANE DOE</div></text>
      <extension url="http://example.org/a"><valueCode value="x"/></extension>
      <contained><Account><id value="a"/></Account></contained>
      <id value="e1"/></Encounter>"""
    assert read(body) == {
        "resourceType": "Encounter",
        "text": {"status": "generated"},
        "extension": [{"url": "http://example.org/a", "valueCode": "x"}],
        "contained": [{"resourceType": "Account", "id": "a"}],
        "id": "e1",
    }


def test_what_is_no_fhir() -> None:
    assert fhir_xml.document(parse(b"<Order/>")) is None
    assert fhir_xml.document(parse(b'<Order xmlns="urn:hl7-org:v3"/>')) is None
    with pytest.raises(fhir.FhirError):
        fhir.read_document(read(b'<Order xmlns="http://hl7.org/fhir"/>'))


def test_depth_has_an_end() -> None:
    deep = b'<Encounter xmlns="http://hl7.org/fhir">' + b"<a>" * 5000 + b"</a>" * 5000 + b"</Encounter>"
    assert read(deep)["resourceType"] == "Encounter"


tags = st.lists(
    st.sampled_from(["<a>", "</a>", '<link value="1"/>', "<Patient>", "</Patient>", "x", "<!-- -->", "<?p?>"])
)


@given(tags)
def test_nothing_escapes(inside: list[str]) -> None:
    body = f'<Patient xmlns="http://hl7.org/fhir">{"".join(inside)}</Patient>'.encode()
    try:
        root = parse(body)
    except XmlError:
        return
    found = fhir_xml.document(root)
    assert found is not None
    assert found["resourceType"] == "Patient"
