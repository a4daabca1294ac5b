"""Every transaction in one form: claims, inquiries, orders, verdicts, and who answers whom."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tracing.protocols.x12 import Part, Summary, Transaction, describe, parts


def read(
    st01: str, body: str, *, gs: str = "NSH*CLEAR", version: str = "005010", se: bool = True
) -> Transaction:
    lines = [f"ST*{st01}*0001*{version}", *body.split()]
    lines += [f"SE*{len(lines) + 1}*0001"] if se else []
    isa = f"ISA*00*{'':10}*00*{'':10}*ZZ*{'NSH':15}*ZZ*{'CLEAR':15}*260301*1200*^*00501*000000009*0*T*:~"
    data = f"{isa}GS*HC*{gs}*20260301*1200*77*X*{version}~{'~'.join(lines)}~GE*1*77~IEA*1*000000009~"
    (found,) = parts(data.encode(), [], [])
    assert isinstance(found, Transaction)
    return found


def told(st01: str, body: str, **options: str) -> tuple[Summary, list[Part]]:
    return describe(read(st01, body, **options))  # type: ignore[arg-type]


def test_a_999_names_every_transaction_it_is_about() -> None:
    submitted, _ = told("837", "BHT*0019*00*REF1 CLM*A1*100")
    one, none = told("999", "AK1*HC*77 AK2*837*0001 IK5*A AK9*A*1*1*1", gs="CLEAR*NSH")
    assert one.answers == (submitted.identity,)
    assert none == []
    some, verdicts = told(
        "999", "AK1*HC*77 AK2*837*0001 IK5*A AK2*837*0002 IK5*R*5 AK9*P*2*2*1", gs="CLEAR*NSH"
    )
    assert some.outcome == "partial"
    assert [(part.outcome, part.reason) for part in verdicts] == [("accepted", ""), ("rejected", "5")]
    assert verdicts[0].answers == submitted.identity


def test_a_277ca_names_batch_and_claims_and_may_take_only_some() -> None:
    submitted, (claim,) = told("837", "BHT*0019*00*REF1 CLM*A1*100")
    body = "HL*1**20 TRN*1*X HL*2*1*21 TRN*2*REF1 HL*3*2*19 HL*4*3*PT TRN*2*A1 STC*A2:20**WQ*100 REF*1K*P9"
    body += " HL*5*3*PT TRN*2*A2 STC*A3:562**U*20"
    summary, (good, bad) = told("277", body, gs="CLEAR*NSH", version="005010X214")
    assert summary.outcome == "partial"
    assert "batch|REF1" in summary.meets
    assert "batch|REF1" in submitted.meets
    assert good.answers == claim.identity == "claim|REF1|A1"
    assert ("claim", "PAYER", "P9") in good.keys
    assert (bad.outcome, bad.reason) == ("rejected", "A3.562")


def test_an_835_pays_claims_by_the_providers_and_the_payers_number() -> None:
    body = (
        "BPR*I*80*C TRN*1*EFT9 N1*PR*PAYER*XV*12345 CLP*A1*1*100*80**12*P9 CLP*A2*4*50*0**12*P8 CAS*CO*45*50"
    )
    summary, (paid, denied) = told("835", body)
    assert summary.keys == (("remittance", "", "EFT9"),)
    assert summary.measures == (("amount", Decimal(80)),)
    assert paid.keys == (("account", "", "A1"), ("claim", "", "A1"), ("claim", "PAYER:12345", "P9"))
    assert (paid.outcome, denied.outcome, denied.reason) == ("accepted", "rejected", "CO.45")


@pytest.mark.parametrize(("asked", "answered"), [("270", "271"), ("276", "277")])
def test_an_answer_is_found_by_the_trace_number_of_its_inquiry(asked: str, answered: str) -> None:
    levels = "BHT*0022*13*B1 HL*1**20 HL*2*1*21 TRN*1*NOT HL*3*2*22 TRN*1*T1*9 NM1*IL*1 REF*EJ*A1"
    _, (inquiry,) = told(asked, levels)
    _, (answer,) = told(answered, levels.replace("*13*", "*11*"), version="005010X212")
    assert inquiry.identity == answer.answers == "inquiry|T1"
    assert inquiry.keys == answer.keys == (("account", "", "A1"), ("claim", "", "A1"), ("inquiry", "", "T1"))


def test_refused_inquiries() -> None:
    head = "BHT*0022*11 HL*1**20 HL*2*1*21 HL*3*2*22 TRN*2*T1"
    _, (eligibility,) = told("271", f"{head} AAA*N**72*C")
    assert (eligibility.outcome, eligibility.reason) == ("rejected", "72")
    _, (status,) = told("277", f"{head} STC*F2:54", version="005010X212")
    assert status.outcome == "rejected"
    summary, none = told("271", "BHT*0022*11 HL*1**20 AAA*N**42*C")
    assert (summary.outcome, summary.reason, none) == ("rejected", "42", [])


@pytest.mark.parametrize(
    ("code", "outcome"), [("A1", "accepted"), ("A2", "partial"), ("A3", "rejected"), ("A4", "none")]
)
def test_a_278_says_what_was_authorised(code: str, outcome: str) -> None:
    head = "HL*1**20 HL*2*1*21 HL*3*2*22 HL*4*3*EV TRN*2*T1"
    _, (request,) = told("278", f"BHT*0007*13 {head}")
    _, (response,) = told("278", f"BHT*0007*11 {head} HCR*{code}*AUTH1*0Y")
    assert response.outcome == outcome
    assert response.answers == request.identity


def test_purchase_orders_are_known_by_the_buyers_number() -> None:
    order, _ = told("850", "BEG*00*NE*PO7**20260301 PO1*1*2 PO1*2*5 AMT*TT*90.5")
    assert order.keys == (("purchase_order", "", "PO7"),)
    assert order.measures == (("lines", Decimal(2)), ("amount", Decimal("90.5")))
    invoice, _ = told("810", "BIG*20260301*INV1**PO7 IT1*1 TDS*9050")
    assert dict(invoice.measures)["amount"] == Decimal("90.5")
    assert invoice.keys == (("purchase_order", "", "PO7"), ("invoice", "", "INV1"))
    shipped, orders = told("856", "BSN*00*SHIP1 HL*1**S HL*2*1*O PRF*PO7 HL*3*1*O PRF*PO8")
    assert shipped.keys == (("shipment", "", "SHIP1"),)
    assert [part.keys for part in orders] == [
        (("purchase_order", "", "PO7"),),
        (("purchase_order", "", "PO8"),),
    ]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("BAK*00*AD*PO7", "accepted"),
        ("BAK*00*RJ*PO7", "rejected"),
        ("BAK*00*AC*PO7 PO1*1 ACK*IA*2 PO1*2 ACK*IR*1", "partial"),
        ("BAK*00*AC*PO7 PO1*1 ACK*IB*2", "partial"),
        ("BAK*00*AC*PO7 PO1*1 ACK*IA*2", "accepted"),
        ("BAK*00*AC*PO7 PO1*1 ACK*IR*2", "rejected"),
    ],
)
def test_a_supplier_takes_all_some_or_nothing(body: str, outcome: str) -> None:
    assert told("855", body)[0].outcome == outcome


def test_the_rest() -> None:
    assert dict(told("834", "BGN*00*1 INS*Y INS*N")[0].measures) == {"members": 2}
    assert told("820", "BPR*C*10 TRN*1*EFT1")[0].keys == (("remittance", "", "EFT1"),)
    unknown, none = told("864", "BMG*00")
    assert (unknown.outcome, none) == ("accepted", [])


def test_a_transaction_that_is_cut_off_is_an_error() -> None:
    summary, _ = describe(read("837", "BHT*0019*00*REF1 CLM*A1*100", se=False))
    assert (summary.outcome, summary.reason) == ("error", "SE_missing")
