"""A hospital's past: the same every time, complete, and truthful about what went wrong."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hl7apy.parser import parse_message  # type: ignore[import-untyped]

from simulator import history, recording, truth
from simulator.config import Population, Rates
from simulator.hops import BILLING, CLAIMS_OUT, EHR_ADT, ERP, Hop
from simulator.hospital import Hospital
from simulator.model import DAY, HOUR
from tracing.protocols import hl7v2, x12

END = 1772546400.0  # 2026-03-03T14:00:00Z
START = END - 12 * DAY
MANY_FAULTS = Rates().times(5)

Truth = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Truth]:
    folder = tmp_path_factory.mktemp("history")
    made = history.write(
        folder / "recording.jsonl", folder / "truth.jsonl", 5, START, END, rates=MANY_FAULTS, rate=50
    )
    records = list(recording.read(folder / "recording.jsonl"))
    told = truth.load(folder / "truth.jsonl")
    assert (made.hops, made.encounters) == (len(records), len(told))
    return records, told


def hops(record: dict[str, Any], interface: str, *messages: str) -> list[dict[str, Any]]:
    return [
        h
        for h in record["hops"]
        if h["interface"] == interface and (not messages or h["message"] in messages)
    ]


def accepted(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [h for h in found if h["outcome"] == "accepted"]


def body(record: dict[str, Any]) -> bytes:
    return base64.b64decode(record["request_b64"])


def with_fault(told: Truth, fault: str, settled: float = 6 * HOUR) -> list[dict[str, Any]]:
    """Encounters of that fault whose discharge lies in the span and long enough before its end."""
    found = [
        r
        for r in told.values()
        if r["fault"] == fault and START * 1e9 <= r["planned_discharge"] < (END - settled) * 1e9
    ]
    assert found, fault
    return found


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        paths = tmp_path / f"{name}.rec", tmp_path / f"{name}.truth"
        history.write(*paths, 3, END - 2 * DAY, END, examples=True)
        files.append([path.read_bytes() for path in paths])
    assert files[0] == files[1]
    assert len(files[0][0]) > 100_000


def test_the_recording_is_in_order_and_within_its_span(written: tuple[list[dict[str, Any]], Truth]) -> None:
    records, _ = written
    ends = [record["end"] for record in records]
    assert ends == sorted(ends)
    assert min(record["at"] for record in records) >= START * 1e9
    assert max(ends) < END * 1e9
    assert all(record["at"] <= record["end"] for record in records)


def test_the_recording_and_the_truth_tell_of_the_same_messages(
    written: tuple[list[dict[str, Any]], Truth],
) -> None:
    records, told = written
    recorded: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    sets: dict[str, list[str]] = {}
    for record in records:
        data = body(record)
        if record["protocol"] == "mllp":
            accounts = [hl7v2.parse(data).get("PID-18") or ""]
        elif record["protocol"] == "http":
            accounts = [json.loads(data)["reference"]]
        else:
            (interchange,) = x12.interchanges(data)
            transaction = interchange.transactions[0]
            accounts = [claim.clm01 for claim in x12.claims(transaction)]
            if answer := x12.functional_acknowledgement(transaction):
                accounts = sets[answer.gs06]
            elif transaction.st01 == "837":
                sets[transaction.gs06] = accounts
        for account in accounts:
            recorded[account].append((record["interface"], record["at"], record["end"]))
    expected = {
        account: sorted((h["interface"], h["at"], h["end"]) for h in record["hops"])
        for account, record in told.items()
        if record["hops"]
    }
    assert {account: sorted(found) for account, found in recorded.items()} == expected


def test_every_kind_of_recorded_message_is_valid_hl7(written: tuple[list[dict[str, Any]], Truth]) -> None:
    records, _ = written
    kinds: dict[tuple[str, str], bytes] = {}
    for record in records:
        if record["protocol"] == "mllp":
            for data in (body(record), base64.b64decode(record["response_b64"])):
                message = hl7v2.parse(data)
                kinds[record["interface"], message.message_type + message.ack_code] = data
    assert len(kinds) >= 11
    for kind, data in kinds.items():
        assert parse_message(data.decode(), find_groups=True).validate(), kind


def test_the_engine_loses_control_ids_and_z_segments(written: tuple[list[dict[str, Any]], Truth]) -> None:
    records, _ = written
    inbound = [hl7v2.parse(body(r)) for r in records if r["interface"] == EHR_ADT]
    outbound = [hl7v2.parse(body(r)) for r in records if r["interface"] == BILLING]
    assert not {m.control_id for m in inbound} & {m.control_id for m in outbound}
    assert all(any(s.name == "ZEH" for s in m.segments()) for m in inbound[:200])
    assert not any(s.name.startswith("Z") for m in outbound[:200] for s in m.segments())


def test_encounters_without_fault_pass_every_road_in_time(
    written: tuple[list[dict[str, Any]], Truth],
) -> None:
    _, told = written
    down = [tuple(t * 1e9 for t in span) for span in Hospital(population(), Collector()).book.outages]
    for record in with_fault(told, "none", 3 * DAY):
        started = min(h["end"] for h in accepted(hops(record, EHR_ADT, "ADT^A03")))
        charged = min(h["end"] for h in accepted(hops(record, BILLING, "DFT^P03")))
        assert charged - started < 900e9
        posted = [h["end"] for h in accepted(hops(record, ERP, "POST /journals"))]
        if not any(begins - 3600e9 <= started < ends for begins, ends in down):
            assert min(posted) - started < 3600e9
        claims = hops(record, CLAIMS_OUT)
        assert len(claims) == (0 if record["patient_class"] == "E" else 1)


def population() -> Population:
    return Population(seed=5, history_start=START, history_end=END, rate=50, rates=MANY_FAULTS)


def test_what_the_engine_lost_never_arrived_and_is_told(written: tuple[list[dict[str, Any]], Truth]) -> None:
    _, told = written
    for record in with_fault(told, "lost_in_engine"):
        lost = {loss["message"] for loss in record["lost"]}
        if record["where"] in ("billing", "both"):
            assert "DFT^P03" in lost
            assert not hops(record, BILLING, "ADT^A03", "DFT^P03")
            assert not hops(record, CLAIMS_OUT)
        if record["where"] in ("erp", "both"):
            assert "POST /journals" in lost
            assert not hops(record, ERP)


def test_refusals_have_their_codes(written: tuple[list[dict[str, Any]], Truth]) -> None:
    _, told = written
    for record in with_fault(told, "erp_refused"):
        first = hops(record, ERP, "POST /journals")[0]
        if first["code"] != "500":
            assert (first["outcome"], first["code"], first["reason"]) == (
                "rejected",
                "422",
                "cost_centre_unknown",
            )
    for record in with_fault(told, "billing_refused"):
        first = hops(record, BILLING, "ADT^A03", "DFT^P03")[0]
        assert (first["outcome"], first["code"], first["reason"]) == ("error", "AE", "204")
    for record in with_fault(told, "engine_refused"):
        first = hops(record, EHR_ADT, "ADT^A03")[0]
        assert (first["outcome"], first["code"], first["reason"]) == ("error", "AE", "207")


def test_some_refusals_are_put_right_and_some_never(written: tuple[list[dict[str, Any]], Truth]) -> None:
    _, told = written
    for fault, road, message in (
        ("erp_refused", ERP, "POST /journals"),
        ("erp_unavailable", ERP, "POST /journals"),
        ("billing_refused", BILLING, "DFT^P03"),
        ("engine_refused", EHR_ADT, "ADT^A03"),
    ):
        found = [bool(accepted(hops(r, road, message))) for r in with_fault(told, fault, 12 * HOUR)]
        assert set(found) == {True, False}, fault


def test_a_server_error_is_tried_again_until_it_is_taken(written: tuple[list[dict[str, Any]], Truth]) -> None:
    _, told = written
    for record in with_fault(told, "erp_unavailable"):
        codes = [h["code"] for h in hops(record, ERP, "POST /journals")]
        assert codes[0] == "500"
        assert len(codes) > 1
        if "duplicate_discharge" not in record["traits"]:
            assert "201" not in codes[:-1]


def test_late_roads_are_late(written: tuple[list[dict[str, Any]], Truth]) -> None:
    _, told = written
    for record in with_fault(told, "late"):
        started = min(h["end"] for h in hops(record, EHR_ADT, "ADT^A03"))
        if record["where"] == "billing":
            assert min(h["end"] for h in hops(record, BILLING, "DFT^P03")) - started > 900e9
        elif record["where"] == "erp":
            assert min(h["end"] for h in hops(record, ERP, "POST /journals")) - started > 3600e9
        else:
            assert all(h["end"] - started > 7 * DAY * 1e9 for h in hops(record, CLAIMS_OUT))


def test_cancelled_discharges_are_followed_by_a13_and_sometimes_by_another_discharge(
    written: tuple[list[dict[str, Any]], Truth],
) -> None:
    _, told = written
    again = 0
    for record in with_fault(told, "cancelled", 2 * DAY):
        sent = [h["message"] for h in hops(record, EHR_ADT) if h["message"] != "ADT^A01"]
        assert sent in (
            ["ADT^A03", "ADT^A13"],
            ["ADT^A03", "ADT^A03", "ADT^A13"],
            ["ADT^A03", "ADT^A13", "ADT^A03"],
            ["ADT^A03", "ADT^A03", "ADT^A13", "ADT^A03"],
        )
        again += sent[-1] == "ADT^A03"
        assert hops(record, BILLING, "ADT^A13")
    assert again


def test_odd_numbers_and_order_are_what_the_traits_say(written: tuple[list[dict[str, Any]], Truth]) -> None:
    records, told = written
    visits: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for record in records:
        if record["protocol"] == "mllp":
            message = hl7v2.parse(body(record))
            visits[message.get("PID-18") or ""].add((message.message_type, message.get("PV1-19") or ""))
    seen: set[str] = set()
    for account, record in told.items():
        if not hops(record, EHR_ADT, "ADT^A03"):
            continue
        seen.update(record["traits"])
        discharges = {visit for kind, visit in visits[account] if kind == "ADT^A03"}
        if "missing_visit" in record["traits"]:
            assert discharges == {""}
        elif "wrong_visit" in record["traits"]:
            assert discharges == {f"X{record['visit'][:0:-1]}"}
        else:
            assert discharges == {record["visit"]}
        if "duplicate_discharge" in record["traits"] and record["fault"] == "none":
            first, second = hops(record, EHR_ADT, "ADT^A03")
            assert first["control_id"] == second["control_id"]
        if "out_of_order" in record["traits"] and hops(record, EHR_ADT, "ADT^A01"):
            assert hops(record, EHR_ADT, "ADT^A01")[0]["at"] > hops(record, EHR_ADT, "ADT^A03")[0]["at"]
    assert seen >= {"missing_visit", "wrong_visit", "duplicate_discharge", "out_of_order"}


class Collector:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.hops: list[Hop] = []

    def hop(self, hop: Hop) -> None:
        self.hops.append(hop)

    def lost(self, account: str, message: str, where: str, at: float) -> None:
        return

    def fault(self, owner: str, message: str, number: str, fault: str, at: float) -> None:
        return


def test_history_that_goes_on_is_the_history_of_the_longer_span() -> None:
    short, long = Collector(), Collector()
    rates = Rates(outages_per_day=0)
    noon, evening = END - 8 * HOUR, END
    hospital = Hospital(Population(seed=2, history_start=START, history_end=noon, rates=rates), short)
    hospital.run_history()
    until_noon = len(short.hops)
    hospital.agenda.run_until(evening)
    Hospital(Population(seed=2, history_start=START, history_end=evening, rates=rates), long).run_history()
    assert 0 < until_noon < len(short.hops)
    assert short.hops == long.hops


def test_whoever_came_while_it_lived_is_carried_on_when_it_is_started_again() -> None:
    begin, stop, later = END - 9 * HOUR, END - 8 * HOUR + 100, END
    told = Population(seed=2, history_start=START, history_end=begin, live_rate=2_000, examples=True)
    lived, again = Collector(), Collector()
    hospital = Hospital(told, lived)
    hospital.run_history()
    hospital.agenda.run_until(later)
    began_anew = replace(told, history_end=later, lived=((begin, stop),))
    Hospital(began_anew, again).run_history()
    came = {h.encounters[0] for h in lived.hops if h.start < stop and h.interface == EHR_ADT}
    under_way = set(told_of(lived, stop, came))
    assert len(under_way) > 100
    assert {key for key, *_ in under_way if key.startswith("A2")}, "nobody of the live stream"
    assert {key for key, *_ in under_way if key.startswith("A3")}, "none of the examples"
    assert under_way == set(told_of(again, stop, came))
    meanwhile = [hop for hop in again.hops if stop <= hop.start < later - 180 and hop.interface == EHR_ADT]
    new = {hop.encounters[0] for hop in meanwhile} - came
    assert new
    assert not [key for key in new if key.startswith("A2")], "the live stream came while nobody lived"


def told_of(witness: Collector, since: float, whose: set[str]) -> list[tuple[str, str, str, str]]:
    return [
        (encounter, hop.interface, hop.message, hop.outcome)
        for hop in witness.hops
        if hop.start >= since
        for encounter in hop.encounters
        if encounter in whose
    ]


def test_a_hospital_that_continues_writes_only_what_is_new(tmp_path: Path) -> None:
    cut = END - 6 * HOUR
    paths = tmp_path / "rec", tmp_path / "truth"
    made = history.write(*paths, 5, START, END, since=cut)
    records = list(recording.read(paths[0]))
    assert made.hops == len(records) > 10
    assert min(record["at"] for record in records) >= cut * 1e9
