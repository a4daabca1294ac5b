"""One claim on its way: submitted in an 837, acknowledged by 999 and 277CA, paid or denied in an 835."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tracing.protocols.x12 import (
    OutgoingTransaction,
    Transaction,
    claims,
    functional_acknowledgement,
    interchanges,
    write_interchange,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def transaction(st01: str, version: str, body: str) -> Transaction:
    segments = [
        tuple(element.split(":") if ":" in element else element for element in line.split("*"))
        for line in body.split()
    ]
    data = write_interchange(
        [OutgoingTransaction(st01, version, segments)], sender="NSH", receiver="CLR", control=1, now=NOON
    )
    (interchange,) = interchanges(data)
    return interchange.transactions[0]


SUBMITTED = transaction(
    "837",
    "005010X223A2",
    """
    BHT*0019*00*BATCH7*20260301*1200*CH
    NM1*41*2*NSH*****46*SUB1
    HL*1**20*1 NM1*85*2*NSH*****XX*1999999984 REF*EI*999999999
    HL*2*1*22*0 SBR*P*18*******CI NM1*IL*1*DOE*JANE****MI*MEMBER1 REF*SY*000000000
    CLM*A1*500.50***11:A:1**A*Y*Y REF*D9*CLEAR1 REF*EA*M1 REF*F8*OLD1 HI*ABK:R079
    NM1*71*1*WHO*DOC REF*EA*NOTTHECLAIMS LX*1 SV2*0120**500.5*UN*1 REF*6R*LINE1
    HL*3*1*22*0 SBR*P*18*******CI
    CLM*A2*12***13:A:1 LX*1 REF*D9*NOTTHECLAIMS
    """,
)


def test_an_837_tells_account_amount_and_whose_batch_it_is() -> None:
    first, second = claims(SUBMITTED)
    assert (first.clm01, first.amount, first.charge) == ("A1", Decimal("500.50"), Decimal("500.50"))
    assert dict(first.refs) == {"D9": "CLEAR1", "EA": "M1", "F8": "OLD1"}
    assert (first.reference, first.submitter, first.date) == ("BATCH7", "SUB1", "20260301")
    assert (first.outcome, first.payer_claim) == ("none", "OLD1")
    assert (second.clm01, second.amount, dict(second.refs)) == ("A2", Decimal(12), {})


def test_a_277ca_passes_a_verdict_on_each_claim() -> None:
    acknowledged = transaction(
        "277",
        "005010X214",
        """
        BHT*0085*08*CA1*20260302*0800*TH
        HL*1**20*1 NM1*PR*2*PAYER TRN*1*PAYERTRACE
        HL*2*1*21*1 NM1*41*2*NSH*****46*SUB1 TRN*2*BATCH7 STC*A1:20*20260302*WQ*512.5
        HL*3*2*19*1 NM1*85*2*NSH TRN*1*PROVTRACE
        HL*4*3*PT NM1*QC*1*DOE TRN*2*A1 STC*A2:20*20260302*WQ*500.5 REF*1K*PAYER1 REF*D9*CLEAR1
        HL*5*3*PT NM1*QC*1*DOE TRN*2*A2 STC*A7:562:85*20260302*U*12 STC*A7:21*20260302*U*12
        HL*6*3*PT NM1*QC*1*DOE TRN*2*A3
        """,
    )
    accepted, refused, silent = claims(acknowledged)
    assert (accepted.clm01, accepted.outcome, accepted.status, accepted.reason) == (
        "A1",
        "accepted",
        "A2:20",
        "",
    )
    assert (accepted.payer_claim, accepted.refs["D9"], accepted.amount) == (
        "PAYER1",
        "CLEAR1",
        Decimal("500.5"),
    )
    assert {claim.reference for claim in (accepted, refused, silent)} == {"BATCH7"}
    assert (refused.clm01, refused.outcome, refused.reason) == ("A2", "rejected", "A7.562.85")
    assert (silent.clm01, silent.outcome, silent.amount) == ("A3", "none", None)


@pytest.mark.parametrize("category", ["A3", "A4", "A6", "A7", "A8"])
def test_a_claim_returned_by_the_clearing_house_is_rejected_whatever_the_action_code(category: str) -> None:
    body = f"HL*1**PT TRN*2*A1 STC*{category}:21*20260302*WQ*1"
    assert claims(transaction("277", "005010X214", body))[0].outcome == "rejected"


def test_an_835_tells_what_was_paid_and_why_not() -> None:
    paid, denied, reversed_ = claims(
        transaction(
            "835",
            "005010X221A1",
            """
            BPR*I*400*C*ACH TRN*1*EFT99*1999999999 N1*PR*PAYER REF*2U*PAYERID LX*1
            CLP*A1*1*500.5*400*100.5*CI*PAYER1 CAS*CO*45*100.5 NM1*QC*1*DOE REF*EA*M1
            SVC*HC:99211*500.5*400 REF*6R*LINE1
            CLP*A2*4*12*0**CI*PAYER2 CAS*CO*29*12 CAS*PR*1*0
            LX*2
            CLP*A1*22*-500.5*-400**CI*PAYER1
            PLB*1999999984*20261231*WO*1
            """,
        )
    )
    assert (paid.clm01, paid.amount, paid.charge) == ("A1", Decimal(400), Decimal("500.5"))
    assert (paid.status, paid.outcome, paid.reason) == ("1", "accepted", "")
    assert (paid.reference, paid.payer_claim, dict(paid.refs)) == ("EFT99", "PAYER1", {"EA": "M1"})
    assert (denied.clm01, denied.outcome, denied.reason, denied.amount) == (
        "A2",
        "rejected",
        "CO.29",
        Decimal(0),
    )
    assert (reversed_.status, reversed_.amount) == ("22", Decimal(-400))


@pytest.mark.parametrize("amount", ["", "12,50", "NaN", "Infinity", "twelve"])
def test_an_amount_that_is_no_number_is_none(amount: str) -> None:
    assert claims(transaction("837", "005010X222A1", f"CLM*A1*{amount}"))[0].amount is None


def test_a_999_answers_a_group_and_every_set_in_it() -> None:
    answer = functional_acknowledgement(
        transaction(
            "999",
            "005010X231A1",
            """
            AK1*HC*77*005010X223A2
            AK2*837*0001 IK5*A
            AK2*837*0002 IK3*NM1*17**1 IK5*R*5*I6
            AK9*P*2*2*1
            """,
        )
    )
    assert answer is not None
    assert (answer.gs01, answer.gs06, answer.code, answer.outcome) == ("HC", "77", "P", "partial")
    assert [(one.st02, one.outcome, one.errors) for one in answer.sets] == [
        ("0001", "accepted", ()),
        ("0002", "rejected", ("5", "I6")),
    ]


def test_a_997_is_read_like_a_999() -> None:
    answer = functional_acknowledgement(
        transaction("997", "005010", "AK1*HC*77 AK2*837*0001 AK5*E*5 AK9*E*1*1*1")
    )
    assert answer is not None
    assert (answer.outcome, answer.sets[0].outcome) == ("accepted", "accepted")


def test_other_transactions_hold_neither_claims_nor_acknowledgements() -> None:
    inquiry = transaction("270", "005010X279A1", "BHT*0022*13*1*20260301*1200 HL*1**20*1 TRN*1*T1")
    assert claims(inquiry) == []
    assert functional_acknowledgement(inquiry) is None
    assert functional_acknowledgement(SUBMITTED) is None
