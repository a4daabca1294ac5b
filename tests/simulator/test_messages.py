"""What systems write is what hl7apy and the protocol modules read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hl7apy.parser import parse_message  # type: ignore[import-untyped]

from simulator import claim_files, messages
from simulator.claim_files import Claim, Submission
from simulator.config import NO_FAULTS
from simulator.messages import ControlIds, Identified, Refusal
from simulator.model import DAY, HOURLY, Encounter, Stream, Trait, plan
from tracing.protocols import hl7v2, x12

NOW = 1772409600.25


@pytest.fixture(scope="module")
def encounter() -> Encounter:
    return next(plan(1, NOW, NOW + DAY, Stream("history", "1", 60, HOURLY, NO_FAULTS)))


def everything(encounter: Encounter) -> dict[str, bytes]:
    who = Identified.of(encounter, encounter.numbers)
    unknown = Identified.of(encounter, replace(encounter.numbers, visit=""))
    no = Refusal("AE", "207", "Application internal error")
    return {
        "A01": messages.adt("A01", who, "EHR", "ENGINE", "EHR1", NOW),
        "A03": messages.adt("A03", who, "EHR", "ENGINE", "EHR2", NOW),
        "A03 without visit": messages.adt("A03", unknown, "EHR", "ENGINE", "EHR3", NOW),
        "A13": messages.adt("A13", who, "EHR", "ENGINE", "EHR4", NOW),
        "A03 by the engine": messages.adt("A03", who, "ENGINE", "BILLING", "ENG1", NOW),
        "DFT": messages.dft(who, encounter.amount, "ENG2", NOW),
        "AA": messages.ack("A03", "ENGINE", "EHR", "EHR2", "ACK1", NOW, None),
        "AE": messages.ack("A03", "ENGINE", "EHR", "EHR2", "ACK2", NOW, no),
    }


def test_hl7apy_finds_nothing_wrong_with_any_message(encounter: Encounter) -> None:
    for name, payload in everything(encounter).items():
        assert parse_message(payload.decode(), find_groups=True).validate(), name


def test_messages_carry_visit_account_and_mrn_with_their_authority(encounter: Encounter) -> None:
    all_of_them = everything(encounter)
    for name in ("A01", "A03", "A13", "A03 by the engine", "DFT"):
        message = hl7v2.parse(all_of_them[name])
        assert message.cx("PV1-19") == [(encounter.visit, "NSH")]
        assert message.cx("PID-18") == [(encounter.account, "NSH")]
        assert message.cx("PID-3") == [(encounter.mrn, "NSH")]
        assert message.get("PV1-2") == encounter.patient_class
        assert message.get("MSH-4") == encounter.facility
    missing = hl7v2.parse(all_of_them["A03 without visit"])
    assert missing.cx("PV1-19") == []
    assert missing.cx("PID-18") == [(encounter.account, "NSH")]
    assert hl7v2.parse(all_of_them["DFT"]).get("FT1-11.1.1") == encounter.amount


def test_acknowledgements_repeat_the_control_id_and_say_why_not(encounter: Encounter) -> None:
    yes, no = (hl7v2.parse(everything(encounter)[name]) for name in ("AA", "AE"))
    assert (yes.ack_code, yes.ack_control_id, yes.error_code) == ("AA", "EHR2", "")
    assert (no.ack_code, no.ack_control_id, no.error_code) == ("AE", "EHR2", "207")


def test_only_the_ehrs_own_message_has_its_z_segment(encounter: Encounter) -> None:
    all_of_them = everything(encounter)
    assert b"\rZEH|" in all_of_them["A03"]
    assert b"\rZEH|" not in all_of_them["A03 by the engine"]


def test_delimiters_in_values_are_escaped(encounter: Encounter) -> None:
    odd = replace(encounter, given="O|B^R&I~E\\N")
    payload = messages.adt("A01", Identified.of(odd, odd.numbers), "EHR", "ENGINE", "EHR1", NOW)
    assert hl7v2.parse(payload).get("PID-5.2") == "O|B^R&I~E\\N"


def test_control_ids_are_unique_short_and_say_nothing_of_the_patient(encounter: Encounter) -> None:
    ids = ControlIds("EHR")
    made = [ids.next(NOW) for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(len(control_id) <= 20 and encounter.visit[1:] not in control_id for control_id in made)


def submission(encounter: Encounter) -> Submission:
    second = replace(encounter, account="A2", mrn="M2", cents=120, traits=frozenset({Trait.CLAIM_REJECTED}))
    return Submission("770595200", (Claim.of(encounter, NOW), Claim.of(second, NOW)), NOW)


def only(data: bytes) -> x12.Transaction:
    (interchange,) = x12.interchanges(data)
    assert interchange.findings == ()
    (transaction,) = interchange.transactions
    assert transaction.complete
    return transaction


def test_an_837_is_read_with_its_claims(encounter: Encounter) -> None:
    data = claim_files.claims_837(submission(encounter))
    transaction = only(data)
    assert transaction.message == "837"
    claims = x12.claims(transaction)
    assert [claim.clm01 for claim in claims] == [encounter.account, "A2"]
    assert [float(claim.amount or 0) for claim in claims] == [encounter.cents / 100, 1.2]
    assert claim_files.accounts_837(data) == ("770595200", [encounter.account, "A2"])


def test_answers_to_an_837_are_read_with_what_they_say_of_each_claim(encounter: Encounter) -> None:
    sent = submission(encounter)
    functional = only(claim_files.acknowledgement_999(sent, "000000001", NOW))
    assert functional.message == "999"
    acknowledgement = x12.functional_acknowledgement(functional)
    assert acknowledgement is not None
    assert acknowledgement.outcome == "accepted"
    status = only(claim_files.status_277ca(sent, "000000002", NOW))
    assert status.message == "277CA"
    said = {claim.clm01: claim.outcome for claim in x12.claims(status)}
    assert said == {encounter.account: "accepted", "A2": "rejected"}
    paid = only(claim_files.remittance_835(sent, "000000003", NOW))
    assert paid.message == "835"
    assert [claim.clm01 for claim in x12.claims(paid)] == [encounter.account]
