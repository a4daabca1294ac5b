"""The folder tap: complete files once, claims in their encounters' traces, restarts included."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from collector.taps.config import FolderInterface
from collector.taps.file_observers import file_observer
from collector.taps.folder import FolderTap
from collector.taps.hops import KeyEncoder
from collector.taps.replay import Observer
from collector.taps.run import Taps
from tests.taps.world import CORPUS, SEALER, SITE, Collector, Kept, eventually, interfaces, token
from tracing import attributes


def x12(*transactions: str, kind: str = "HC", control: str = "000000001") -> bytes:
    """An interchange around transactions, each the segments between ST and SE, first `ST01*version`."""
    body = ""
    for number, transaction in enumerate(transactions, 1):
        head, *segments = transaction.split("~")
        code, version = head.split("*")
        lines = [f"ST*{code}*{number:04d}*{version}", *segments]
        body += "~".join([*lines, f"SE*{len(lines) + 1}*{number:04d}"]) + "~"
    isa = f"ISA*00*{'':10}*00*{'':10}*ZZ*{'NSH':15}*ZZ*{'CLEAR':15}*260301*1200*^*00501*{control}*0*T*:~"
    group = f"GS*{kind}*NSH*CLEAR*20260301*1200*7*X*005010X222A1~{body}GE*{len(transactions)}*7~"
    return f"{isa}{group}IEA*1*{control}~".encode()


CLAIMS = (
    "837*005010X222A1~BHT*0019*00*REF1*20260301*1200*CH~CLM*A1*100.5***11:B:1~REF*EA*M1~CLM*A2*20***11:B:1"
)


def make(folder: Path, sink: Kept, settle: float = 1.0) -> FolderTap:
    described = {"name": "claims-out", "kind": "folder", "path": str(folder), "settle_seconds": settle}
    (interface,) = interfaces(described)
    assert isinstance(interface, FolderInterface)
    observer = file_observer(interface, KeyEncoder(SEALER), sink)
    return FolderTap(interface, observer, folder.parent / "state" / "claims-out.sqlite3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def test_a_claim_file_becomes_a_span_per_transaction_and_per_claim(folder: Path, sink: Kept) -> None:
    path = folder / "batch_A1_JANE_DOE.837"
    path.write_bytes(x12(CLAIMS))
    os.utime(path, ns=(1_700_000_000_123_456_789,) * 2)
    assert make(folder, sink, 0).poll(0.0) == 1
    transaction, first, second = sink.spans
    assert (transaction.name, first.name) == ("receive claims-out", "claim claims-out")
    assert transaction["messaging.message.id"] == "000000001-7-0001"
    assert first["integration.message"] == transaction["integration.message"] == "837"
    assert first.trace == token("account", "A1")
    assert first.tokens == {k: token(k, v) for k, v in (("account", "A1"), ("claim", "A1"), ("mrn", "M1"))}
    assert second.tokens == {k: token(k, "A2") for k in ("account", "claim")}
    assert first.links == [transaction.trace]
    assert first["integration.measure.amount"] == 100.5
    assert first["integration.outcome"] == "accepted"
    assert first.start == first.end == 1_700_000_000_123_456_789
    assert b"JANE" not in sink.bytes
    for seen in sink.spans:
        assert all(attributes.find(name) for name in [*seen.attributes, *seen.scope])


def test_answers_carry_their_verdicts(sink: Kept) -> None:
    observer = Observer(interfaces({"name": "claims-in", "kind": "folder", "path": "x"}), SITE, sink)
    rejected = "999*005010X231A1~AK1*HC*28*005010X222A1~AK2*837*0028~IK3*NM*17**1~IK5*R*5~AK9*R*1*1*0"
    observer.observe_file("claims-in", "n", x12(rejected, kind="FA"), 5)
    assert sink.spans[0]["integration.outcome"] == "rejected"
    assert sink.spans[0]["integration.reason"] == "5"
    assert sink.spans[0]["messaging.message.conversation_id"] == "28-0028"
    levels = "HL*1**20*1~HL*2*1*21*1~TRN*2*REF1~HL*3*2*19*1~HL*4*3*PT"
    status = f"277*005010X214~{levels}~TRN*2*A1~STC*A3:562*20260301*U*9"
    observer.observe_file("claims-in", "n", x12(status, kind="HN"), 6)
    claim = sink.spans[-1]
    assert claim.trace == token("account", "A1")
    assert (claim["integration.outcome"], claim["integration.reason"]) == ("rejected", "A3.562")
    assert claim.error
    payments = "CLP*A1*1*100*80**12*PAYER1~CLP*A2*4*50*0**12*P2~CAS*CO*45*50"
    paid = f"835*005010X221A1~BPR*I*80*C*ACH~TRN*1*EFT9*1~{payments}"
    observer.observe_file("claims-in", "n", x12(paid, kind="HP"), 7)
    remittance, first, second = sink.spans[-3:]
    assert remittance.tokens == {"remittance": token("remittance", "EFT9")}
    assert "remittance" not in first.tokens  # or every claim of a payment would be one journey
    assert (first["integration.measure.amount"], first["integration.measure.charge"]) == (80, 100)
    assert (second["integration.outcome"], second["integration.reason"]) == ("rejected", "CO.45")


def test_a_file_is_taken_when_it_has_settled_and_only_once(folder: Path, sink: Kept) -> None:
    tap = make(folder, sink)
    path = folder / "a.837"
    path.write_bytes(x12(CLAIMS)[:50])
    assert [tap.poll(0.0), tap.poll(0.5)] == [0, 0]
    path.write_bytes(x12(CLAIMS))
    assert [tap.poll(1.2), tap.poll(2.0), tap.poll(2.3), tap.poll(9.0)] == [0, 0, 1, 0]
    assert len(sink.spans) == 3


def test_a_restart_takes_nothing_twice_and_what_came_meanwhile(folder: Path, sink: Kept) -> None:
    (folder / "a.837").write_bytes(x12(CLAIMS))
    make(folder, sink, 0).poll(0.0)
    (folder / "b.837").write_bytes(x12(CLAIMS, control="000000002"))
    again = make(folder, sink, 0)
    again.poll(0.0)
    assert len(sink.spans) == 6
    os.utime(folder / "a.837")  # touched, not changed
    again.poll(1.0)
    assert len(sink.spans) == 6
    (folder / "a.837").write_bytes(x12(CLAIMS, CLAIMS))  # the same name again, with other content
    again.poll(2.0)
    assert len(sink.spans) == 12


def test_a_lost_or_torn_state_gives_the_same_spans_again(folder: Path, sink: Kept) -> None:
    (folder / "a.837").write_bytes(x12(CLAIMS))
    make(folder, sink, 0).poll(0.0)
    state = folder.parent / "state" / "claims-out.sqlite3"
    for left in state.parent.glob("*-wal"):
        left.unlink()
    state.write_bytes(b"torn" * 1000)
    make(folder, sink, 0).poll(0.0)
    assert len(sink.spans) == 6
    assert [s.span for s in sink.spans[:3]] == [s.span for s in sink.spans[3:]]


def test_what_is_no_x12_is_recorded_and_does_not_stop_the_rest(folder: Path, sink: Kept) -> None:
    (folder / "a.txt").write_bytes(b"patient JANE DOE")
    (folder / "b.837").write_bytes(x12(CLAIMS))
    (folder / ".hidden").write_bytes(b"x")
    (folder / "empty").write_bytes(b"")
    make(folder, sink, 0).poll(0.0)
    assert [s["integration.unread"] for s in sink.spans] == ["not_x12", None, None, None]
    assert b"JANE" not in sink.bytes


def test_a_missing_folder_is_waited_for(tmp_path: Path, sink: Kept, caplog: pytest.LogCaptureFixture) -> None:
    tap = make(tmp_path / "later", sink, 0)
    tap.poll(0.0)
    tap.poll(1.0)
    assert len(caplog.records) == 1
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "a.837").write_bytes(x12(CLAIMS))
    assert tap.poll(2.0) == 1


def test_live(folder: Path, collector: Collector, tmp_path: Path) -> None:
    described = {
        "name": "claims-out",
        "kind": "folder",
        "path": str(folder),
        "poll_seconds": 0.05,
        "settle_seconds": 0.05,
    }

    async def story() -> None:
        taps = Taps(interfaces(described), SITE, collector.url, tmp_path / "spool")
        await taps.start()
        await asyncio.to_thread((folder / "a.837").write_bytes, x12(CLAIMS))
        await eventually(lambda: len(collector.spans) == 3)
        counted = taps.counters()["claims-out"]
        assert (counted["files"], counted["spans"], counted["unreadable"], counted["unseen"]) == (1, 3, 0, 0)
        await taps.stop(1.0)

    asyncio.run(story())


def test_real_files(sink: Kept) -> None:
    if not CORPUS.exists():
        pytest.skip("the corpus is not here")
    observer = Observer(interfaces({"name": "claims-in", "kind": "folder", "path": "x"}), SITE, sink)
    counts = {}
    for path in sorted((CORPUS / "x12").rglob("*.txt")):
        counts[path.name] = observer.observe_file("claims-in", path.name, path.read_bytes(), 1)
    assert counts["x12_many_claims.txt"] > 800
    assert all(counts.values())
