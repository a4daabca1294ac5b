"""Which keys an interface reads without being told, and what it can be told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.taps.config import TapConfigError
from collector.taps.replay import Observer
from tests.taps.test_folder import x12
from tests.taps.test_observe_hl7 import BASE, assert_alike, simhospital
from tests.taps.world import SEALER, SITE, Kept, Seen, ack, adt, interfaces, token
from tracing.authorities import Authorities
from tracing.identity_settings import IdentitySettings

HTTP = {"name": "erp", "kind": "http", "listen": "127.0.0.1:0", "upstream": "http://127.0.0.1:9"}


def observe(message: bytes, identity: dict[str, Any] | None = None, **extra: Any) -> Seen:
    return observed(message, None, identity, **extra)[-1]


def observed(
    message: bytes, answer: bytes | None = None, identity: dict[str, Any] | None = None, **extra: Any
) -> list[Seen]:
    sink = Kept()
    spelt = Authorities(IdentitySettings.model_validate(identity or {}))
    site = Observer(interfaces(BASE | extra), SITE, sink, spelt)
    site.observe_mllp("ehr-adt", message, answer, 1_000, 2_000)
    return sink.spans


def keys(seen: Seen) -> list[str]:
    """`kind:authority:value` of the keys, in order."""
    opened = [SEALER.open(sealed) for sealed in seen["journey.keys.sealed"] or ()]
    assert [key.split(":")[2] for key in seen["journey.keys"] or ()] == [SEALER.token(key) for key in opened]
    return [f"{key.kind}:{key.authority}:{key.value}" for key in opened]


def doubts(seen: Seen) -> list[str]:
    """`kind:authority:value:why` of the doubts."""
    found = []
    for one in (seen["journey.doubts"] or "").split():
        kind, _, key, why, sealed = one.split(":")
        opened = SEALER.open(sealed)
        assert (opened.kind, SEALER.token(opened)) == (kind, key)
        found.append(f"{kind}:{opened.authority}:{opened.value}:{why}")
    return found


def hl7(kind: str, *lines: str) -> bytes:
    head = f"MSH|^~\\&|E|NSH|R|NSH|20260301120000||{kind}|C1|P|2.5.1"
    return "\r".join([head, *lines, ""]).encode()


PATIENT = "PID|1||M1^^^NSH^MR"
VISIT = f"PV1|1|I{'|' * 17}V1^^^NSH"


def test_placer_and_filler_of_every_order() -> None:
    message = hl7(
        "ORU^R01",
        PATIENT,
        VISIT,
        "ORC|RE|P1^EHR|F1^LAB",
        "OBR|1|P1^EHR|F1^LAB",
        "OBX|1|NM|x",
        "ORC|RE|P2|F2",
        "OBR|2|P2|F2",
    )
    assert keys(observe(message)) == [
        "visit:NSH:V1",
        "order:EHR:P1",
        "order:NSH:P2",
        "order:LAB:F1",
        "order:NSH:FILLER:F2",
        "mrn:NSH:M1",
    ]


def test_equal_numbers_of_placer_and_filler_are_two_orders() -> None:
    one, other = observe(hl7("ORU^R01", "OBR|1|4711")), observe(hl7("ORU^R01", "OBR|1||4711"))
    assert one.trace != other.trace


def test_appointments() -> None:
    message = hl7("SIU^S12", f"SCH|SP1^EHR|SF1^OR{'|' * 24}P1|F1", PATIENT)
    assert keys(observe(message))[:4] == [
        "order:NSH:P1",
        "order:NSH:FILLER:F1",
        "appointment:EHR:SP1",
        "appointment:OR:SF1",
    ]


def test_documents_and_charges() -> None:
    assert keys(observe(hl7("MDM^T02", PATIENT, VISIT, f"TXA|1|CN{'|' * 10}D1^NSH||P1|F1"))) == [
        "visit:NSH:V1",
        "order:NSH:P1",
        "order:NSH:FILLER:F1",
        "document:NSH:D1",
        "mrn:NSH:M1",
    ]
    charges = [f"FT1|{n}|{'|' * 21}F{n}^LAB" for n in (1, 2)]
    found = keys(observe(hl7("DFT^P03", PATIENT, VISIT, *charges)))
    assert found == ["visit:NSH:V1", "order:LAB:F1", "order:LAB:F2", "mrn:NSH:M1"]


def test_an_alternate_visit_is_another_number_of_the_visit() -> None:
    found = keys(observe(hl7("ADT^A08", PATIENT, f"{VISIT}{'|' * 31}X1")))
    assert found == ["visit:NSH:V1", "case:NSH:ALTERNATE:X1", "mrn:NSH:M1"]


@pytest.mark.parametrize("type_", ["", "MR", "MRN", "PI", "PT", "EPI", "ANON", "mr", "SIMULATOR MRN", "U"])
def test_numbers_of_records(type_: str) -> None:
    assert keys(observe(hl7("ADT^A01", f"PID|1||M1^^^NSH^{type_}"))) == ["mrn:NSH:M1"]


@pytest.mark.parametrize(
    "type_", ["SS", "DL", "PPN", "MC", "MA", "NIIP", "HC", "AN", "VN", "XX", "NHSNMBR", "MB"]
)
def test_numbers_of_other_things(type_: str) -> None:
    assert observe(hl7("ADT^A01", f"PID|1||078051120^^^SSA^{type_}"))["journey.keys"] is None


@pytest.mark.parametrize(
    "authority", ["USSSA", "ssa", "&2.16.840.1.113883.4.1&ISO", "X&2.16.840.1.113883.4.1&ISO"]
)
def test_a_social_security_number_without_a_type(authority: str) -> None:
    assert keys(observe(hl7("ADT^A01", f"PID|1||078051120^^^{authority}~M1^^^NSH"))) == ["mrn:NSH:M1"]


def test_types_may_be_chosen() -> None:
    rule = {"kind": "mrn", "path": "PID-3", "types": ["NH", "MR"]}
    message = hl7("ADT^A01", "PID|1||1111112^^^NHS^NH~M1^^^NSH^MR~8^^^NSH")
    assert keys(observe(message, keys=[rule])) == ["mrn:NHS:1111112", "mrn:NSH:M1"]


def test_authorities_are_one_by_any_of_their_names() -> None:
    identity = {"authorities": {"NSH": ["1.2.840.1.1", "NORTHSIDE"]}}
    for written in ("NSH", "Northside", "&1.2.840.1.1&ISO", "EHR7&1.2.840.1.1&ISO", ""):
        message = adt(visit=f"V1^^^{written}", account="", mrn="")
        assert keys(observe(message, identity)) == ["visit:NSH:V1"]
    order = hl7("ORM^O01", "ORC|NW|P1^^1.2.840.1.1^ISO")
    assert keys(observe(order, identity)) == ["order:NSH:P1"]
    assert keys(observe(order)) == ["order:1.2.840.1.1:P1"]


def test_an_authority_without_a_namespace_is_its_universal_id() -> None:
    assert keys(observe(adt(visit="V1^^^&9.9&ISO", account="", mrn=""))) == ["visit:9.9:V1"]
    assert keys(observe(adt(visit="V1^^^NS&9.9&ISO", account="", mrn=""))) == ["visit:NS:V1"]


def test_values_are_spelt_by_the_rules() -> None:
    identity = {"normalise": {"account": ["upper", "strip_leading_zeros"], "visit": ["drop_check_digit"]}}
    assert keys(observe(adt(visit="V15", account="00a1", mrn=""), identity)) == [
        "visit:NSH:V1",
        "account:NSH:A1",
    ]


def test_interchangeable_fields_are_told_apart_by_pattern() -> None:
    rules = [{"kind": "visit", "path": path, "pattern": r"V\d+"} for path in ("PV1-19", "PID-18")] + [
        {"kind": "account", "path": path, "pattern": r"A\d+"} for path in ("PV1-19", "PID-18")
    ]
    both = ["visit:NSH:V1", "account:NSH:A1"]
    assert keys(observe(adt(visit="V1", account="A1"), keys=rules)) == both
    assert keys(observe(adt(visit="A1", account="V1"), keys=rules)) == both
    assert keys(observe(adt(visit="AV1", account="V1x"), keys=rules)) == []


def test_the_source_says_which_key_names_the_trace() -> None:
    seen = observe(adt(), priority=["account", "visit"])
    assert seen.trace == token("account", "A1")
    assert keys(seen) == ["account:NSH:A1", "visit:NSH:V1", "mrn:NSH:M1"]
    assert observe(adt(account="0"), priority=["account"]).trace == token("visit", "V1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"priority": ["mrn"]}, "priority: mrn only searches"),
        ({"priority": ["vist"]}, r"priority\[0\]"),
        ({"keys": [{"kind": "visit", "path": "PID-18", "pattern": "("}]}, "no regular expression"),
        ({"keys": [{"kind": "mrn", "path": "MRG-1"}]}, "read from MRG anyway"),
    ],
)
def test_mistakes_name_the_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TapConfigError, match=message):
        interfaces(BASE | change)


def test_values_that_are_no_number_are_doubts_and_name_nothing() -> None:
    seen = observe(adt(visit="0", account="A1", mrn="UNKNOWN~M1"))
    assert seen.trace == token("account", "A1")
    assert keys(seen) == ["account:NSH:A1", "mrn:NSH:M1"]
    assert doubts(seen) == ["visit:NSH:0:blank", "mrn:NSH:UNKNOWN:blank"]
    seen = observe(adt(visit="999999999", account="SELF", mrn=""))
    assert seen["journey.keys"] is None
    assert doubts(seen) == ["visit:NSH:999999999:blank", "account:NSH:SELF:blank"]
    assert seen.trace not in {token("visit", "999999999"), token("account", "SELF")}


def test_a_site_accepts_a_value_that_looks_like_none() -> None:
    identity = {"accept": [{"kind": "visit", "value": "9999"}]}
    assert keys(observe(adt(visit="9999", account="9999"), identity))[0] == "visit:NSH:9999"


def test_two_strangers_without_numbers_do_not_meet() -> None:
    one = observe(adt(visit="0", account="UNKNOWN", mrn="M1"))
    other = observe(adt(visit="0", account="UNKNOWN", mrn="M2"))
    assert one.trace != other.trace


def test_a_message_of_several_patients_is_a_hop_of_each() -> None:
    second = ("PID|2||M2", f"PV1|2|I{'|' * 17}V2", "ORC|RE|P2")
    third = ("PID|3||M3", "OBX|1|NM|WBC||7")
    *others, first = observed(hl7("ORU^R01", PATIENT, VISIT, "ORC|RE|P1", *second, *third), ack("C1"))
    assert keys(first) == ["visit:NSH:V1", "order:NSH:P1", "mrn:NSH:M1"]
    assert [keys(other) for other in others] == [
        ["visit:NSH:V2", "order:NSH:P2", "mrn:NSH:M2"],
        ["mrn:NSH:M3"],
    ]
    assert others[0].trace == token("visit", "V2")
    for other in others:
        assert (other.links, other.parent) == ([first.trace], "")
    # A patient alone names no encounter, least of all the first one's: the resolver may place it.
    assert len({one.trace for one in (first, *others)}) == 3
    assert len({one.span for one in (first, *others)}) == 3
    for one in (first, *others):
        assert one["messaging.message.id"] == "C1"
        assert (one["integration.outcome"], one["integration.ack.code"]) == ("accepted", "AA")


def test_the_other_patient_of_a_merge_is_no_patient_of_its_own() -> None:
    swapped = (PATIENT, VISIT, "PID|2||M2", f"PV1|2|I{'|' * 17}V2")
    assert len(observed(hl7("ADT^A24", *swapped))) == 1
    assert len(observed(hl7("ADT^A17", *swapped))) == 2


def test_many_orders_leave_room_for_the_patient() -> None:
    orders = [f"ORC|RE|P{n}|F{n}" for n in range(40)]
    found = keys(observe(hl7("ORM^O01", PATIENT, VISIT, *orders)))
    assert (found[0], found[-1], len(found)) == ("visit:NSH:V1", "mrn:NSH:M1", 25)


def test_the_scope_says_which_field_gives_which_key() -> None:
    fields = observe(adt()).scope["journey.fields"]
    assert fields.split()[:2] == ["visit=PV1-19", "account=PID-18"]
    assert "order=ORC-2|OBR-2|ORC-3|OBR-3|FT1-23|TXA-14|TXA-15|SCH-26|SCH-27" in fields.split()
    told = interfaces(
        HTTP
        | {
            "routes": ["POST /orders/{id}"],
            "keys": [
                {"kind": "visit", "pointer": "/encounter"},
                {"kind": "case", "jmespath": "a[?b=='x'] | [0]"},
                {"kind": "order", "path": "id"},
                {"kind": "journal", "response": "/number"},
            ],
            "headers": ["X-Request-Id"],
        }
    )
    sink = Kept()
    Observer(told, SITE, sink).observe_http("erp", "POST", "/orders/7", b"{}", 200, b"{}", 1, 2)
    assert sink.spans[0].scope["journey.fields"] == (
        "visit=/encounter case=jmespath:a[?b%3D%3D'x']%20%7C%20[0] order=path:id journal=response:/number "
        "request=header:X-Request-Id"
    )


ERP = {
    "purchaseOrderNumber": "PO1",
    "requisition_id": 77,
    "journal": {"journalEntryNo": "J1", "accountNumber": "4010", "orderNumber": "9"},
    "Encounter-Id": "V1",
    "invoice": {"number": "I9"},
    "lines": [{"item_no": "IT1", "lotNumber": "L1", "caseId": "C1"}, {"item_no": "IT2", "lotNumber": "N/A"}],
    "remittanceNumber": None,
    "claimId": True,
}


def erp(body: Any, **extra: Any) -> Seen:
    sink = Kept()
    site = Observer(interfaces(HTTP | extra), SITE, sink)
    request = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json")]
    site.observe_http("erp", "POST", "/x", request, 200, b"", 1, 2, headers)
    return sink.spans[-1]


def test_fields_of_an_erp_by_their_usual_names() -> None:
    assert keys(erp(ERP)) == [
        "visit:NSH:V1",
        "purchase_order:NSH:PO1",
        "journal:NSH:J1",
        "requisition:NSH:77",
        "item:NSH:IT1",
        "item:NSH:IT2",
        "lot:NSH:L1",
        "lot:NSH:N/A",
    ]
    assert erp(ERP, keys=[{"kind": "case", "pointer": "/nowhere"}])["journey.keys"] is None


def test_a_batch_of_documents_is_no_journey() -> None:
    assert erp([{"journalNumber": "J1"}, {"journalNumber": "J2"}])["journey.keys"] is None
    assert erp({"a": {"poNumber": "P1"}, "b": {"poNumber": "P2"}})["journey.keys"] is None


def test_rows_by_the_usual_names_of_columns() -> None:
    sink = Kept()
    told = interfaces({"name": "f", "kind": "folder", "path": "x", "format": "delimited"})
    site = Observer(told, SITE, sink)
    site.observe_file("f", "a.csv", b"Visit Number,Purchase Order No,Note\nV1,PO1,x\n0,PO2,x\n", 1)
    assert keys(sink.spans[0]) == ["visit:NSH:V1", "purchase_order:NSH:PO1"]
    assert (keys(sink.spans[1]), doubts(sink.spans[1])) == (["purchase_order:NSH:PO2"], ["visit:NSH:0:blank"])


def test_what_a_purchase_order_is_about() -> None:
    sink = Kept()
    told = interfaces({"name": "f", "kind": "folder", "path": "x"})
    order = (
        "850*004010~BEG*00*SA*PO1**20260301~REF*RQ*R1~PO1*1*2*EA*5**IN*IT1*VN*V9*LT*L1~PO1*2*1*EA*5**UK*0088"
    )
    Observer(told, SITE, sink).observe_file("f", "a.edi", x12(order), 1)
    assert keys(sink.spans[0]) == [
        "purchase_order:NSH:PO1",
        "requisition:NSH:R1",
        "item:NSH:IT1",
        "item:VENDOR:V9",
        "item:GTIN:0088",
        "lot:NSH:L1",
    ]


def test_claims_of_nobody_are_doubts() -> None:
    sink = Kept()
    told = interfaces({"name": "f", "kind": "folder", "path": "x"})
    Observer(told, SITE, sink).observe_file("f", "a.edi", x12("837*005010~BHT*0019*00*R~CLM*0*5"), 1)
    assert doubts(sink.spans[1]) == ["account:NSH:0:blank", "claim:NSH:0:blank"]


def test_the_same_archive_again_gives_the_same_traces() -> None:
    """Also for what has no key that names a journey."""

    def traces() -> list[str]:
        sink = Kept()
        folder = {"kind": "folder", "path": "x"}
        told = interfaces(
            BASE,
            HTTP,
            folder | {"name": "csv", "format": "delimited", "keys": [{"kind": "mrn", "column": "M"}]},
            folder | {"name": "x12"},
            folder | {"name": "ndjson", "format": "ndjson"},
        )
        site = Observer(told, SITE, sink)
        for at, message in enumerate(
            [adt(visit="", account=""), b"junk", adt(visit="0", account="", mrn="")]
        ):
            site.observe_mllp("ehr-adt", message, None, at, at)
        site.observe_http("erp", "GET", "/x", b"", 200, b"", 7, 8)
        site.observe_file("csv", "a", b"M\nM1\nM2\n", 9)
        site.observe_file("x12", "b", x12("999*005010~AK1*HC*1~AK9*A*1*1*1"), 9)
        site.observe_file("ndjson", "c", b'{"a": 1}\n{"a": 2}\n', 9)
        return [seen.trace for seen in sink.spans]

    first = traces()
    assert first == traces()
    assert len(set(first)) == len(first)


fields = st.text(st.sampled_from("AV01^~&N"), max_size=10)


@settings(max_examples=100)
@given(
    placers=st.lists(fields, max_size=4), visit=fields, alternate=fields, mrns=st.lists(fields, max_size=2)
)
def test_both_readers_find_the_same_keys(
    placers: list[str], visit: str, alternate: str, mrns: list[str]
) -> None:
    lines = [f"PID|1||{mrn}" for mrn in mrns] + [f"PV1|1|I{'|' * 17}{visit}{'|' * 31}{alternate}"]
    lines += [
        line
        for one in placers
        for line in (f"ORC|RE|{one}|{one}", f"OBR|1|{one}|{one}", f"FT1|1|{'|' * 21}{one}")
    ]
    lines += [f"SCH|{one}|{one}" for one in placers] + [f"TXA|1|CN{'|' * 10}{visit}||{alternate}|{visit}"]
    assert_alike(hl7("ORU^R01", *lines))


def test_a_simulated_hospital_has_the_keys_it_writes() -> None:
    sink = Kept()
    site = Observer(interfaces(BASE), SITE, sink)
    messages = [m.replace(b"\n", b"\r") for m in simhospital()]
    for at, message in enumerate(messages):
        site.observe_mllp("ehr-adt", message, None, at, at)
    kinds = [[key.partition(":")[0] for key in seen["journey.keys"] or ()] for seen in sink.spans]
    assert len(kinds) == 1013
    assert sum("visit" in one for one in kinds) == 792
    assert sum("mrn" in one for one in kinds) == 1013
    assert sum(one.count("order") for one in kinds) == 2 * 610  # placer and filler of each result
    assert sum("document" in one for one in kinds) == 2
    assert all(seen["journey.doubts"] is None for seen in sink.spans)
    merged = [seen for seen in sink.spans if seen["journey.identity"]]
    assert [seen["integration.message"] for seen in merged] == ["ADT^A34"]
    assert merged[0]["journey.identity"].startswith("merge,patient,mrn:SIMULATOR%20MRN:")
