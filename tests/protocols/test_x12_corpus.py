"""Public X12 samples: large, malformed, and with odd separators."""

from __future__ import annotations

import re

import pytest

from tracing.protocols.x12 import Claim, X12Error, claims, functional_acknowledgement, interchanges


def claims_of(data: bytes) -> list[Claim]:
    return [claim for one in interchanges(data) for part in one.transactions for claim in claims(part)]


def test_one_file_holds_820_claims(x12_files: dict[str, bytes]) -> None:
    (interchange,) = interchanges(x12_files["x12_many_claims.txt"])
    assert len(interchange.transactions) == 1
    found = claims_of(x12_files["x12_many_claims.txt"])
    assert len(found) == 820
    assert {claim.reference for claim in found} == {"0123"}


def test_one_file_holds_312_interchanges(x12_files: dict[str, bytes]) -> None:
    found = list(interchanges(x12_files["x12_multiple_transactions.txt"]))
    assert len(found) == 312
    assert [len(interchange.transactions) for interchange in found] == [1] * 312
    assert len(claims_of(x12_files["x12_multiple_transactions.txt"])) == 624


def test_a_file_without_isa_is_refused_at_its_first_byte(x12_files: dict[str, bytes]) -> None:
    with pytest.raises(X12Error, match="no ISA segment") as caught:
        list(interchanges(x12_files["x12_no_isa_line.txt"]))
    assert caught.value.offset == 0


def test_every_other_file_is_read_to_its_end(x12_files: dict[str, bytes]) -> None:
    for name, data in x12_files.items():
        if name == "x12_no_isa_line.txt":
            continue
        read = list(interchanges(data))
        transactions = len(re.findall(rb"[~_\r\n]ST[*~]", data))
        assert sum(len(interchange.transactions) for interchange in read) == transactions, name
        assert all(part.complete for interchange in read for part in interchange.transactions), name


def test_no_claim_of_any_837_is_missed(x12_files: dict[str, bytes]) -> None:
    for name, data in x12_files.items():
        if b"*837*" in data and name != "x12_no_isa_line.txt":
            written = data.count(b"\nCLM*") + data.count(b"~CLM*")
            assert len(claims_of(data)) == written, name


def test_an_isa_with_lost_padding_is_read_and_reported(x12_files: dict[str, bytes]) -> None:
    (interchange,) = interchanges(x12_files["x12_bad_first_line.txt"])
    assert "ISA02 has 9 characters where 10 are required" in interchange.findings[0].message
    assert [claim.clm01 for claim in claims_of(x12_files["x12_bad_first_line.txt"])] == [
        "A37YH556",
        "A37YH667",
    ]


def test_odd_separators_change_nothing(x12_files: dict[str, bytes]) -> None:
    odd = claims_of(x12_files["x12_valid_different_separators.txt"])
    assert odd == claims_of(x12_files["x12_valid.txt"])


@pytest.mark.parametrize(("name", "outcome"), [("accepted", "accepted"), ("rejected", "rejected")])
def test_acknowledgements_say_what_they_say(x12_files: dict[str, bytes], name: str, outcome: str) -> None:
    (claim,) = claims_of(x12_files[f"x12_277CA_{name}.txt"])
    assert claim.outcome == outcome
    (interchange,) = interchanges(x12_files[f"x12_999_{name}.txt"])
    verdict = functional_acknowledgement(interchange.transactions[0])
    assert verdict is not None
    assert verdict.outcome == outcome
    assert [one.outcome for one in verdict.sets] == [outcome]


def test_the_patients_account_number_of_a_status_response_is_not_its_trace(
    x12_files: dict[str, bytes],
) -> None:
    found = claims_of(x12_files["x12_277_x212.txt"])
    assert len(found) == 8
    assert found[0].clm01 == "12345"


def test_medical_record_numbers_come_with_the_claim(x12_files: dict[str, bytes]) -> None:
    assert claims_of(x12_files["x223-test.txt"])[0].refs["EA"] == "1122334"
