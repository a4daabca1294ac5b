"""`caretrail where` and `caretrail journey explain`: what they ask, what they print, how they end."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from caretrail import journey, where
from caretrail.client import CouldNotAsk
from caretrail.main import main

TRACE, OTHER = "4b" * 16, "9c" * 16
MATCH = {
    "position": 0,
    "kind": "account",
    "authority": "EAST",
    "certainty": "certain",
    "basis": "key",
    "since": None,
    "until": None,
    "via": "",
    "via_at": None,
    "gave_way": False,
    "why": "",
    "interface": "",
}
HOP = {
    "at": "2026-03-02T14:00:00Z",
    "source": "ehr",
    "destination": "engine",
    "message": "ADT^A03",
    "operation": "",
    "outcome": "accepted",
    "ack_code": "AA",
    "reason": "",
    "duration_ms": 12.0,
    "certainty": "probable",
}


def found(trace: str = TRACE, state: str = "completed", **match: Any) -> dict[str, Any]:
    workflows = [{"name": "discharge-to-cash", "state": state, "steps": []}]
    return {"journey": trace, "certainty": "certain", "workflows": workflows, "matches": [MATCH | match]}


class Instance:
    """Answers like a running one; keeps what it was asked."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Any]] = []

    def post(self, path: str, body: dict[str, Any]) -> Any:
        self.asked.append((path, body))
        return self.answer

    def get(self, path: str) -> Any:
        self.asked.append((path, None))
        workflow = {"title": "Discharge to cash", "state": "completed", "steps": []}
        return {"sentence": "Reached the ERP; nothing is missing.", "workflows": [workflow], "hops": [HOP]}


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Instance:
    one = Instance({"journeys": [found()]})
    for module in (where, journey):
        monkeypatch.setattr(module, "connect", lambda *_: one)
    monkeypatch.setenv("COLUMNS", "160")
    return one


def test_one_number_is_asked_as_before(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["where", "A77001", "--kind", "account"]) == 0
    assert instance.asked[0] == ("/api/v1/journeys/search", {"value": "A77001", "kind": "account"})
    told = capsys.readouterr().out
    assert "Reached the ERP; nothing is missing." in told
    assert "found as account at EAST" in told
    assert "probable" in told
    assert "A77001" not in told


def test_a_list_may_be_typed_pasted_or_read(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("V1\nV2, V3\n\nV1\n"))
    main(["where", "-", "V4;V5"])
    assert instance.asked[0][1] == {"values": ["V1", "V2", "V3", "V4", "V5"]}
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert main(["where", "-"]) == 2


def test_ambiguous_numbers_and_doubts_are_told_apart(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    doubtful = found(
        OTHER, kind="mrn", authority="NSH", since="2026-03-01T10:00:00Z", certainty="probable",
        basis="patient", via="merge", via_at="2026-03-02T09:00:00Z", gave_way=True,
    )  # fmt: skip
    nobody = [MATCH | {"kind": "visit", "why": "blank", "certainty": "quarantined", "basis": "quarantined"}]
    instance.answer = {"journeys": [found(), doubtful], "nobody": nobody}
    assert main(["where", "100023"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "account at EAST" in told
    assert "patient at NSH, seen" in told
    assert "the patient's only encounter of that time" in told
    assert "became another number of the patient (merge" in told
    assert "visit at EAST, quarantined, no number but a placeholder: it stands for nobody." in told


def test_many_encounters_are_one_table_and_missing_numbers_are_named_by_place(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    journeys = [found(f"{number:032x}", position=number) for number in range(7)]
    instance.answer = {"journeys": journeys, "not_found": [7, 9], "left_out": 3, "more": 2}
    assert main(["where", *(f"V{number}" for number in range(10))]) == 2
    told = capsys.readouterr().out
    assert "number 7: account at EAST" in told
    assert "Not found, by their places in the list: 8, 10." in told
    assert "3 more numbers were too many" in told
    assert len(instance.asked) == 1


@pytest.mark.parametrize(
    ("journeys", "missing", "code"),
    [
        ([], [], 2),
        ([found()], [], 0),
        ([found()], [1], 2),
        ([found(), found(OTHER, "overdue")], [2], 1),
        ([found(OTHER, "failed")], [], 1),
    ],
)
def test_the_exit_code_is_the_answer(
    instance: Instance, journeys: list[Any], missing: list[int], code: int
) -> None:
    instance.answer = {"journeys": journeys, "not_found": missing}
    assert main(["where", "V1", "V2", "--json"]) == code


def test_an_instance_that_does_not_answer_is_three(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise CouldNotAsk("no Caretrail answers at http://127.0.0.1:1")

    for module, command in ((where, ["where", "V1"]), (journey, ["journey", "explain", "V1"])):
        monkeypatch.setattr(module, "connect", refuse)
        assert main(command) == 3
        assert "no Caretrail answers" in capsys.readouterr().err


VISIT, ACCOUNT, MRN = "aa" * 16, "bb" * 16, "cc" * 16
VISIT_SAID = "2026-03-06T07:59:00Z"


def explained() -> dict[str, Any]:
    """A discharge, a journal that hangs on its account, and a result that names the patient only."""
    roads = [
        ("2026-03-02T14:00:00Z", "ADT^A03", VISIT, "certain", "own"),
        ("2026-03-02T14:05:00Z", "POST /journals", ACCOUNT, "certain", "key"),
        ("2026-03-02T14:06:00Z", "POST /journals", ACCOUNT, "certain", "key"),
        ("2026-03-02T15:00:00Z", "ORU^R01", TRACE, "probable", "patient"),
    ]
    link = {
        "token": ACCOUNT, "kind": "account", "other": VISIT, "other_kind": "visit", "event": "",
        "at": "2026-03-02T14:00:00Z", "interface": "ehr-adt", "message": "ADT^A03", "field": "PID-18",
        "other_field": "PV1-19", "span_id": "", "trace_id": VISIT,
    }  # fmt: skip
    beside = link | {"token": TRACE, "kind": "message", "other": MRN, "other_kind": "mrn", "event": "patient"}
    reasons = [
        (VISIT, "visit", "certain", "own", []),
        (ACCOUNT, "account", "certain", "key", [link]),
        (TRACE, "message", "probable", "patient", [beside]),
    ]
    event = {
        "event_id": "e1", "at": "2026-03-03T09:00:00Z", "event": "merge", "level": "patient",
        "from_token": "dd" * 16, "to_token": MRN, "subject_token": "", "message": "ADT^A40",
        "interface": "ehr-adt", "span_id": "", "who": "", "reason": "", "withdrawn": True,
    }  # fmt: skip
    undone = event | {"event": "withdraw", "who": "rivera", "reason": "wrong person", "withdrawn": False}
    return {
        "journey": VISIT,
        "kind": "visit",
        "certainty": "certain",
        "matches": [MATCH],
        "keys": [
            {"token": VISIT, "kind": "visit", "authority": "NSH", "masked": "••••041"},
            {"token": ACCOUNT, "kind": "account", "authority": "NSH", "masked": "••••123"},
            {"token": MRN, "kind": "mrn", "authority": "NSH", "masked": "••••777"},
        ],
        "messages": [
            {
                "at": at, "interface": "ehr-adt", "source": "ehr", "destination": "engine", "message": what,
                "operation": "", "span_id": "", "trace_id": VISIT, "token": token, "certainty": certainty,
                "basis": basis,
            }
            for at, what, token, certainty, basis in roads
        ],
        "reasons": [
            {"token": token, "kind": kind, "certainty": certainty, "basis": basis, "links": links, "eras": []}
            for token, kind, certainty, basis, links in reasons
        ],
        "events": [event, undone],
        "changes": [
            {
                "workflow": "discharge-to-cash", "item": "", "version": 1, "occurrence": 2,
                "at": "2026-03-06T08:00:00Z", "sealed_at": "2026-03-03T10:00:00Z", "reopened": True,
                "differences": [
                    {"step": "ERP posted", "fact": "met_at", "before": None, "after": "2026-03-02T14:06:00Z"},
                    {"step": "claim submitted", "fact": "applies", "before": None, "after": VISIT_SAID},
                    {"step": "", "fact": "vanished", "before": None, "after": VISIT_SAID},
                ],
            }
        ],
        "left_out": 0,
    }  # fmt: skip


def test_explaining_prints_the_links_with_message_field_and_time(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    instance.answer = {"journeys": [explained()], "nobody": [], "more": 0}
    assert main(["journey", "explain", "A7700123"]) == 1
    assert instance.asked == [("/api/v1/journeys/explain", {"value": "A7700123"})]
    told = capsys.readouterr().out
    assert "it names visit ••••041 at NSH, which is the encounter's own number" in told
    assert "account ••••123 at NSH (PID-18) stood with visit ••••041 at NSH (PV1-19) in ADT^A03" in told
    assert "as message 2" in told
    assert "it names only mrn ••••777 at NSH, who had one encounter at that time" in told
    assert "ADT^A40 on ehr-adt merged another key into ••••777 at NSH" in told
    assert "(no longer holds)" in told
    assert "rivera took back" in told
    assert "wrong person" in told
    assert "A7700123" not in told


def test_explaining_tells_what_was_learned_late(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    instance.answer = {"journeys": [explained()], "nobody": [], "more": 0}
    main(["journey", "explain", "A7700123"])
    told = " ".join(capsys.readouterr().out.split())
    assert "discharge-to-cash, occurrence 2; it waits again judged before: " in told
    assert "ERP posted seen " in told
    assert ", before: not seen" in told
    assert "claim submitted applies after all" in told
    assert "there was no such occurrence after all" in told
    plain = explained() | {"changes": []}
    instance.answer = {"journeys": [plain], "nobody": [], "more": 0}
    main(["journey", "explain", "A7700123"])
    assert "learned late" not in capsys.readouterr().out


def test_explaining_as_json_and_nothing(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    certain = explained()
    certain["messages"] = certain["messages"][:2]
    instance.answer = {"journeys": [certain], "nobody": [], "more": 0}
    assert main(["journey", "explain", "V1", "--json", "--kind", "visit"]) == 0
    assert json.loads(capsys.readouterr().out) == instance.answer
    instance.answer = {"journeys": [], "nobody": [], "more": 0}
    assert main(["journey", "explain", "V1"]) == 2
    assert "Nothing is known" in capsys.readouterr().out
