"""`caretrail replay`: archives become history, once, at the times their messages name."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from caretrail.main import main
from tests.taps.world import CORPUS, Collector, Seen, ack, adt
from tracing.context import SiteKey

SETTINGS = """
site: {{name: Test, id: test, timezone: America/Chicago, key_file: site.key}}
taps: {{endpoint: "{url}"}}
interfaces:
  - name: ehr-adt
    kind: mllp
    listen: "127.0.0.1:0"
    upstream: "127.0.0.1:9"
    source: ehr
    destination: engine
  - {{name: claims, kind: folder, path: nowhere, source: billing, destination: clearinghouse}}
  - name: census
    kind: folder
    path: nowhere
    format: delimited
    source: ehr
    destination: workforce
    keys: [{{kind: visit, column: Visit}}]
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    SiteKey(bytes(range(32)))
    (tmp_path / "site.key").write_text(bytes(range(32)).hex())
    (tmp_path / "caretrail.yaml").write_text(SETTINGS.format(url="http://127.0.0.1:9"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CARETRAIL_CONFIG", raising=False)
    return tmp_path


def replay(site: Path, collector: Collector | None, *words: str) -> int:
    if collector is None:
        return main(["replay", "--quiet", "--dry-run", *words])
    return main(["replay", "--quiet", "--otlp", collector.url, *words])


def identity(span: Seen) -> tuple[str, str, int]:
    return span.trace, span.span, span.start


def test_messages_are_recorded_at_their_own_times_and_twice_is_once(
    site: Path, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "day.hl7").write_bytes(adt("C1") + ack("C1", "AR") + adt("C2", visit="V2"))
    assert replay(site, collector, "--interface", "ehr-adt", "day.hl7") == 0
    first, second = sorted(collector.spans, key=lambda span: str(span["messaging.message.id"]))
    assert first.start == 1_772_388_000_000_000_000  # MSH-7 20260301120000 in Chicago
    assert (first["integration.outcome"], second["integration.outcome"]) == ("rejected", "accepted")
    assert (first.name, first.scope["integration.interface"]) == ("forward ehr-adt", "ehr-adt")
    assert replay(site, collector, "--interface", "ehr-adt", "day.hl7", "--zone", "America/Chicago") == 0
    assert len(collector.spans) == 4
    assert len(set(map(identity, collector.spans))) == 2
    said = capsys.readouterr().out
    assert "2 ADT^A03" in said
    assert "JANE" not in said


def test_what_was_loaded_before_is_skipped_on_request(
    site: Path, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "in").mkdir()
    (site / "in" / "a.hl7").write_bytes(adt("C1"))
    assert replay(site, collector, "--interface", "ehr-adt", "in") == 0
    (site / "in" / "b.hl7.gz").write_bytes(gzip.compress(adt("C2")))
    assert replay(site, collector, "--interface", "ehr-adt", "--resume", "in") == 0
    assert [span["messaging.message.id"] for span in collector.spans] == ["C1", "C2"]
    assert "loaded before, skipped" in capsys.readouterr().out


def test_it_does_not_matter_where_somebody_stands(
    site: Path,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    here = tmp_path_factory.mktemp("elsewhere")
    (here / "day.hl7").write_bytes(adt("C1"))
    monkeypatch.chdir(here)
    config = ("--config", str(site / "caretrail.yaml"), "--interface", "ehr-adt")
    assert replay(site, collector, *config, "day.hl7") == 0
    assert [span["messaging.message.id"] for span in collector.spans] == ["C1"]
    assert Path.cwd() == here
    monkeypatch.chdir(site)
    assert replay(site, collector, *config, "--resume", str(here / "day.hl7")) == 0
    assert len(collector.spans) == 1


def test_a_dry_run_sends_and_remembers_nothing(
    site: Path, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "a.hl7").write_bytes(adt("C1"))
    assert replay(site, None, "--interface", "ehr-adt", "*.hl7") == 0
    assert "not sent: a dry run" in capsys.readouterr().out
    assert not (site / "replay").exists()
    assert collector.spans == []


def test_standard_input_needs_no_interface_and_no_file(
    site: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = b"Visit,Beds\nV1,2\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(rows)))
    words = [
        "--kind",
        "delimited",
        "--source",
        "ehr",
        "--destination",
        "workforce",
        "--key",
        "visit=Visit",
        "-",
    ]
    assert replay(site, collector, *words) == 0
    (span,) = collector.spans
    assert span.interface == "replay-delimited"
    assert "visit" in span.tokens


def test_what_cannot_be_read_is_named_by_file_and_place(
    site: Path, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "bad.csv").write_bytes(b'Visit,Beds\n"JANE DOE,1\nV2,2\n')
    (site / "torn.gz").write_bytes(gzip.compress(b"Visit,Beds\nV3,3\n")[:-9])
    assert replay(site, collector, "--interface", "census", "bad.csv", "torn.gz") == 1
    said = capsys.readouterr().out
    assert "not read: bad.csv, line 2:" in said
    assert "not read: torn.gz" in said
    assert "JANE" not in said
    assert len([span for span in collector.spans if span.tokens]) == 1


def test_messages_of_no_known_encounter_are_named(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = adt("C1", visit="", account="") + adt("C2")  # the patient has a visit in another message
    nobody = adt("C3", visit="", account="", mrn="M9^^^NSH")
    (site / "a.hl7").write_bytes(known + nobody)
    assert replay(site, None, "--interface", "ehr-adt", "a.hl7") == 0
    said = capsys.readouterr().out
    assert f"without encounter: a.hl7, byte {len(known)}: ADT^A03 C3" in said
    assert "C1" not in said
    assert "M9" not in said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--interface", "nobody", "a"], "there: ehr-adt, claims, census"),
        (["--kind", "hl7", "a"], "needs --source and --destination"),
        (["a"], "say which interface"),
        (["--interface", "ehr-adt", "nowhere.hl7"], "nowhere.hl7: no such file"),
        (["--interface", "ehr-adt", "--zone", "Mars", "caretrail.yaml"], "no IANA time zone"),
    ],
)
def test_wrong_usage_says_what_to_do(
    site: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(site, None, *words) == 2
    assert why in capsys.readouterr().err


def test_the_public_archive_of_1013_messages(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = CORPUS / "hl7v2" / "simhospital.hl7"
    if not archive.exists():
        pytest.skip("the corpus is not here")
    assert replay(site, None, "--interface", "ehr-adt", str(archive)) == 0
    said = capsys.readouterr().out
    assert "1,013" in said
    named = [line for line in said.splitlines() if line.startswith("without encounter: ")]
    assert [line.rsplit(": ", 1)[1] for line in named] == [
        "ORU^R01 121",
        "MDM^T02 144",
        "ADT^A34 271",
        "MDM^T02 540",
        "ORU^R01 567",
    ]
    assert ", byte 145094: " in named[0]
