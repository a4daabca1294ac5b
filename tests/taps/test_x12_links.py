"""Answers link to what they answer, wherever either was observed."""

from __future__ import annotations

from pathlib import Path

from collector.taps.config import FolderInterface
from collector.taps.files_seen import FirstSeen
from collector.taps.hops import KeyEncoder
from collector.taps.observe_x12 import X12Observer
from tests.taps.world import SEALER, Kept, Seen, interfaces, token


def interchange(
    st01: str, body: str, *, gs06: str = "77", back: bool = False, version: str = "005010"
) -> bytes:
    lines = [f"ST*{st01}*0001*{version}", *body.split()]
    lines.append(f"SE*{len(lines) + 1}*0001")
    one, other = ("CLEAR", "NSH") if back else ("NSH", "CLEAR")
    isa = f"ISA*00*{'':10}*00*{'':10}*ZZ*{one:15}*ZZ*{other:15}*260301*1200*^*00501*0000000{gs06}*0*T*:~"
    group = f"GS*HC*{one}*{other}*20260301*1200*{gs06}*X*{version}~{'~'.join(lines)}~GE*1*{gs06}~"
    return f"{isa}{group}IEA*1*0000000{gs06}~".encode()


CLAIMS = interchange("837", "BHT*0019*00*REF1 CLM*A1*100 CLM*A2*20")


def observer(name: str, sink: Kept, seen: FirstSeen | None = None) -> X12Observer:
    (interface,) = interfaces({"name": name, "kind": "folder", "path": "x"})
    assert isinstance(interface, FolderInterface)
    return X12Observer(interface, KeyEncoder(SEALER), sink, seen)


def observed(name: str, data: bytes, at: int = 1, seen: FirstSeen | None = None) -> list[Seen]:
    sink = Kept()
    observer(name, sink, seen).observe(data, at)
    return sink.spans


def points_at(answer: Seen, asked: Seen) -> bool:
    return (asked.trace, asked.span) in answer.points


def test_a_999_links_to_its_837_and_a_rejected_set_is_known() -> None:
    submitted = observed("claims-out", CLAIMS)[0]
    (accepted,) = observed(
        "claims-in", interchange("999", "AK1*HC*77 AK2*837*0001 IK5*A AK9*A*1*1*1", back=True)
    )
    assert points_at(accepted, submitted)
    several = "AK1*HC*77 AK2*837*0001 IK5*R*5 AK2*837*0002 IK5*A AK9*P*2*2*1"
    whole, first, second = observed("claims-in", interchange("999", several, back=True))
    assert (whole["integration.outcome"], whole["integration.reason"]) == ("partial", "5")
    assert points_at(first, submitted)
    assert first.trace == submitted.trace
    assert (first["integration.outcome"], second["integration.outcome"]) == ("rejected", "accepted")
    assert not points_at(second, submitted)


def test_a_277ca_links_to_its_claims_and_meets_its_batch() -> None:
    transaction, first, _ = observed("claims-out", CLAIMS)
    body = "HL*2*1*21 TRN*2*REF1 HL*4*3*PT TRN*2*A1 STC*A2:20**WQ*100 REF*1K*P9"
    answer, claim = observed("claims-in", interchange("277", body, back=True, version="005010X214"))
    assert points_at(claim, first)
    assert claim.trace == first.trace == token("account", "A1")
    assert set(answer.points) & set(transaction.points)


def test_an_835_is_in_the_trace_of_its_claims_and_its_999_finds_it() -> None:
    _, first, _ = observed("claims-out", CLAIMS)
    remittance, paid = observed(
        "claims-in", interchange("835", "TRN*1*EFT9 CLP*A1*1*100*80**12*P9", back=True)
    )
    assert paid.trace == first.trace
    assert points_at(paid, remittance)
    body = "AK1*HP*77 AK2*835*0001 IK5*A AK9*A*1*1*1"
    (receipt,) = observed("claims-out", interchange("999", body))
    assert set(receipt.points) & set(remittance.points)
    assert remittance.span in {span for _, span in receipt.points}


def test_a_ta1_meets_its_interchange() -> None:
    transaction = observed("claims-out", CLAIMS)[0]
    isa = interchange("999", "", back=True, gs06="12").split(b"GS*")[0]
    (receipt,) = observed("claims-in", isa + b"TA1*000000077*260301*1200*R*019~IEA*0*000000012~")
    assert (receipt["integration.outcome"], receipt["integration.reason"]) == ("rejected", "019")
    assert set(receipt.points) <= set(transaction.points)


def test_a_271_links_to_its_270_and_shares_its_trace() -> None:
    levels = "BHT*0022*13 HL*1**20 HL*2*1*21 HL*3*2*22 TRN*1*T1"
    _, asked = observed("eligibility-out", interchange("270", levels))
    _, answered = observed("eligibility-in", interchange("271", levels, back=True))
    assert points_at(answered, asked)
    assert asked.trace == answered.trace == token("inquiry", "T1")
    assert asked.name == "inquiry eligibility-out"


def test_a_file_sent_again_takes_nobodys_identity(tmp_path: Path) -> None:
    seen = FirstSeen(tmp_path / "seen.sqlite3")
    first = observed("claims-out", CLAIMS, 1, seen)
    again = observed("claims-out", CLAIMS, 2, seen)
    assert not {span.span for span in first} & {span.span for span in again}
    assert points_at(again[0], first[0])
    loaded_twice = observed("claims-out", CLAIMS, 1, FirstSeen(tmp_path / "seen.sqlite3"))
    assert [span.span for span in loaded_twice] == [span.span for span in first]
    both = observed("claims-out", CLAIMS + CLAIMS)
    assert len({span.span for span in both}) == len(both) == 6


def test_a_question_asked_again_in_another_file_is_another_message(tmp_path: Path) -> None:
    seen = FirstSeen(tmp_path / "seen.sqlite3")
    levels = "BHT*0022*13 HL*1**20 HL*2*1*21 HL*3*2*22 TRN*1*T1"
    _, asked = observed("eligibility-out", interchange("270", levels), 1, seen)
    _, again = observed("eligibility-out", interchange("270", levels, gs06="78"), 2, seen)
    assert again.span != asked.span
    assert again.trace == asked.trace
    _, answered = observed("eligibility-in", interchange("271", levels, back=True), 3, seen)
    assert points_at(answered, asked)


def test_a_broken_memory_is_no_reason_to_read_nothing(tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    assert len(observed("claims-out", CLAIMS, 1, FirstSeen(tmp_path / "seen"))) == 3
