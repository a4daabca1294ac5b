"""The processes of the hospital: linked by the numbers real systems use, spoilt as the truth says."""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from hl7apy.parser import parse_message, parse_segment  # type: ignore[import-untyped]

from simulator import history, recording, truth
from simulator.config import ConfigError, Rates
from simulator.fates import Fates, ProcessRates, Refusals
from simulator.model import DAY
from simulator.roads import PROCESSES, ROADS, roads
from tracing.protocols import hl7v2, x12

END = 1772546400.0  # 2026-03-03T14:00:00Z
START = END - 4 * DAY
Truth = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Truth]:
    folder = tmp_path_factory.mktemp("processes")
    paths = folder / "recording.jsonl", folder / "truth.jsonl"
    history.write(
        *paths, 5, START, END, rate=50, rates=Rates().times(2), settle=10 * DAY,
        processes=PROCESSES, process_rates=ProcessRates().times(3),
    )  # fmt: skip
    return list(recording.read(paths[0])), truth.load(paths[1])


def hops(
    record: dict[str, Any], interface: str, message: str = "", outcome: str = ""
) -> list[dict[str, Any]]:
    return [
        hop
        for hop in record["hops"]
        if hop["interface"] == interface
        and (not message or hop["message"] == message)
        and (not outcome or hop["outcome"] == outcome)
    ]


def test_every_road_is_used_and_every_fault_happens(written: tuple[list[dict[str, Any]], Truth]) -> None:
    records, told = written
    assert {record["interface"] for record in records} == set(ROADS)
    faults = {fault["fault"] for record in told.values() for fault in record["faults"]}
    assert faults >= {
        "lost", "late", "twice", "refused", "unavailable", "silent", "early", "partial", "cancelled",
        "again", "preliminary",
    }  # fmt: skip


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        paths = tmp_path / f"{name}.rec", tmp_path / f"{name}.truth"
        history.write(*paths, 3, END - DAY / 2, END, processes=PROCESSES)
        files.append([path.read_bytes() for path in paths])
    assert files[0] == files[1]


def test_without_processes_nobody_speaks_of_them(tmp_path: Path) -> None:
    paths = tmp_path / "rec", tmp_path / "truth"
    history.write(*paths, 3, END - DAY / 2, END)
    assert {record["interface"] for record in recording.read(paths[0])} <= set(roads(()))
    with pytest.raises(ConfigError, match="unknown process 'bed'"):
        history.write(*paths, 3, END - DAY, END, processes=["bed"])


def test_every_message_is_valid_hl7_or_x12(written: tuple[list[dict[str, Any]], Truth]) -> None:
    records, _ = written
    kinds: dict[tuple[str, str], bytes] = {}
    for record in records:
        data = base64.b64decode(record["request_b64"])
        if record["protocol"] == "mllp":
            kinds[record["interface"], hl7v2.parse(data).message_type] = data
        elif record["protocol"] == "folder":
            (interchange,) = x12.interchanges(data)
            assert interchange.findings == ()
    assert {kind for _, kind in kinds} >= {
        "ADT^A02", "ADT^A04", "ADT^A08", "BAR^P01", "BAR^P05", "ORM^O01", "OML^O21", "ORU^R01", "SIU^S12",
        "DFT^P03",
    }  # fmt: skip
    for kind, data in kinds.items():
        if kind[1] == "ORM^O01":
            # hl7apy takes the choice of an order's detail (OBR or RQD or RXO …) for a list of all of them.
            for line in data.decode().rstrip("\r").split("\r"):
                assert parse_segment(line, version="2.5.1").validate(), line
            continue
        assert parse_message(data.decode(), find_groups=True).validate(), kind


def test_a_bed_is_linked_from_the_discharge_to_the_crew_by_its_task(
    written: tuple[list[dict[str, Any]], Truth],
) -> None:
    _, told = written
    whole = 0
    for record in told.values():
        asked = {hop["names"]["document"] for hop in hops(record, "evs-tasks", outcome="accepted")}
        done = {hop["names"]["document"] for hop in hops(record, "evs-status")}
        # Nobody reports on a task he was not given.
        assert done <= asked
        if asked:
            assert record["patient_class"] in ("I", "E")
            assert hops(record, "beds-adt", "ADT^A03", "accepted")
        whole += bool(done)
    assert whole > 50


def test_implants_that_were_never_entered_are_told(written: tuple[list[dict[str, Any]], Truth]) -> None:
    _, told = written
    partial = 0
    for record in told.values():
        used = {hop["names"]["charge"] for hop in hops(record, "surgery", "DFT^P03", "accepted")}
        entered = {hop["names"]["charge"] for hop in hops(record, "inventory-issues", outcome="accepted")}
        assert entered <= used
        for fault in record["faults"]:
            if fault["fault"] == "partial" and fault["message"] == "POST /inventory/issues":
                partial += 1
                assert fault["number"] in used - entered
    assert partial


def test_an_order_is_answered_under_its_number_and_once_cancelled_not_at_all(
    written: tuple[list[dict[str, Any]], Truth],
) -> None:
    _, told = written
    answered = 0
    for record in told.values():
        results: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for hop in hops(record, "lab-results"):
            assert set(hop["names"]) == {"mrn", "order", "filler"}
            results[hop["names"]["order"]].append(hop)
        for hop in hops(record, "lab-orders", outcome="accepted"):
            number = hop["names"]["order"]
            if hop["tags"]["order_control"] == "CA":
                # A result that was on its way already, delayed or to be sent again, comes all the same.
                kinds = {one["fault"] for one in record["faults"] if one["number"].startswith(number)}
                if kinds == {"cancelled"}:
                    assert all(result["at"] < hop["at"] for result in results[number])
            else:
                answered += bool(results[number])
    assert answered > 100


def test_a_census_change_belongs_to_no_patient_and_leads_to_payroll(
    written: tuple[list[dict[str, Any]], Truth],
) -> None:
    _, told = written
    shifts = [record for record in told.values() if record["encounter"].startswith("CN")]
    assert len(shifts) > 40
    ends = Counter(bool(hops(shift, "workforce-payroll", outcome="accepted")) for shift in shifts)
    assert ends[True] > 3 * ends[False] > 0
    for shift in shifts:
        assert not shift["person"]
        assert {name for hop in shift["hops"] for name in hop["names"]} <= {"document", "requisition"}


def test_the_payer_answers_nine_in_ten_within_twenty_seconds(tmp_path: Path) -> None:
    paths = tmp_path / "rec", tmp_path / "truth"
    history.write(*paths, 8, END - 3 * DAY, END, processes=["eligibility"], settle=3600)
    took = []
    for record in truth.load(paths[1]).values():
        asked, answered = hops(record, "eligibility-out"), hops(record, "eligibility-in")
        if asked:
            took.append((answered[0]["at"] - asked[0]["at"]) / 1e9 if answered else 1e9)
    assert len(took) > 100
    assert 0.9 <= sum(one <= 20 for one in took) / len(took) < 1


def test_what_the_truth_names_stands_in_the_message(written: tuple[list[dict[str, Any]], Truth]) -> None:
    records, told = written
    bodies = {(r["interface"], r["at"]): base64.b64decode(r["request_b64"]) for r in records}
    paths = {(r["interface"], r["at"]): r["path"] or "" for r in records}
    checked = 0
    for record in told.values():
        for hop in record["hops"]:
            if hop["message"] == "999":
                continue  # it names the set that they were in
            place = hop["interface"], hop["at"]
            text = bodies[place].decode() + paths[place]
            for value in hop["names"].values():
                checked += 1
                assert str(value) in text, (hop["interface"], hop["message"])
    assert checked > 10_000


def test_both_sides_agree_on_what_is_refused_and_until_when() -> None:
    fates = Fates(1, ProcessRates(lost=0, late=0, twice=0, refused=1.0))
    door = Refusals(fates)
    outcomes = set()
    for n in range(50):
        waits = fates.of("erp POST /journals", f"J{n}").recovers_after
        assert door.judge("erp POST /journals", f"J{n}", 1000.0) == "refused"
        later = door.judge("erp POST /journals", f"J{n}", 1000.0 + (waits or 1e9) + 1)
        assert later == ("" if waits is not None else "refused")
        outcomes.add(later)
    assert outcomes == {"", "refused"}


def test_no_body_carries_the_key_of_the_truth_where_it_is_not_a_number_of_the_house(
    written: tuple[list[dict[str, Any]], Truth],
) -> None:
    records, _ = written
    for record in records:
        if record["protocol"] == "http":
            document = json.loads(base64.b64decode(record["request_b64"]))
            assert "person" not in document
            assert "fault" not in document
