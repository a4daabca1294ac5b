"""The hospital gets identity wrong as it was told to, and the truth says whose each message was."""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from hl7apy.parser import parse_message  # type: ignore[import-untyped]

from simulator import history, recording, truth
from simulator.config import ConfigError, IdentityRates, Population, from_mapping
from simulator.hops import BILLING, EHR_ADT, ERP, Hop, Nobody
from simulator.hospital import Hospital
from simulator.identity import BLANK_VISIT, BUCKET_ACCOUNT, Story
from simulator.model import DAY, HOURLY, Encounter, Stream, plan
from simulator.population import Casebook
from simulator.stories import LATEST, Stories
from tracing.protocols import hl7v2

END = 1772546400.0  # 2026-03-03T14:00:00Z
START = END - 8 * DAY
EVERYTHING = IdentityRates.everything(0.05, reuse_days=3)
STREAM = Stream("history", "1", 60.0, HOURLY, Population(1, START, END).rates)

Truth = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("identity")
    history.write(
        made / "recording.jsonl",
        made / "truth.jsonl",
        5,
        START,
        END,
        identity=EVERYTHING,
        settle=24 * DAY,
    )
    return made


@pytest.fixture(scope="module")
def told(folder: Path) -> Truth:
    return truth.load(folder / "truth.jsonl")


@pytest.fixture(scope="module")
def sent(folder: Path) -> dict[tuple[str, int], hl7v2.Message]:
    """HL7 messages by road and time."""
    return {
        (record["interface"], record["at"]): hl7v2.parse(base64.b64decode(record["request_b64"]))
        for record in recording.read(folder / "recording.jsonl")
        if record["protocol"] == "mllp"
    }


def of_story(told: Truth, story: Story) -> list[dict[str, Any]]:
    found = [record for record in told.values() if record["story"] == story]
    assert found, story
    return found


def hops(record: dict[str, Any], interface: str, *messages: str) -> list[dict[str, Any]]:
    return [h for h in record["hops"] if h["interface"] == interface and h["message"] in messages]


def planned(seed: int, identity: IdentityRates, days: float = 8) -> list[Encounter]:
    stories = Stories(seed, STREAM, identity)
    return [stories.tell(encounter) for encounter in plan(seed, START, START + days * DAY, STREAM)]


def test_by_default_identity_is_what_it_should_be() -> None:
    ordinary = list(plan(5, START, END, STREAM))
    assert planned(5, IdentityRates()) == ordinary
    assert all(e.key == e.account and e.numbers == e.named(e.admitted) for e in ordinary)


def test_whoever_has_no_story_is_the_same_with_and_without_them() -> None:
    ordinary = {encounter.key: encounter for encounter in plan(5, START, END, STREAM)}
    told = planned(5, EVERYTHING)
    assert [e.key for e in told] == list(ordinary)
    assert all(e == ordinary[e.key] for e in told if e.story is Story.NONE)


def test_stories_are_decided_by_the_seed_alone() -> None:
    assert planned(5, EVERYTHING) == planned(5, EVERYTHING)
    assert [e.story for e in planned(5, EVERYTHING)] != [e.story for e in planned(6, EVERYTHING)]
    assert planned(5, EVERYTHING, 2) == planned(5, EVERYTHING)[: len(planned(5, EVERYTHING, 2))]


def test_every_story_happens_at_its_rate() -> None:
    seen = Counter(e.story for e in planned(3, EVERYTHING, 30))
    total = seen.total()
    assert set(seen) == set(Story)
    for story in set(Story) - {Story.NONE, Story.REUSED, Story.OTHER_AUTHORITY}:
        assert 0.02 < seen[story] / total < 0.07, story
    only = Counter(e.story for e in planned(3, IdentityRates(merged=0.5), 10))
    assert set(only) == {Story.NONE, Story.MERGED}
    assert 0.4 < only[Story.MERGED] / only.total() < 0.6


def test_hl7apy_finds_nothing_wrong_with_messages_about_identity(
    sent: dict[tuple[str, int], hl7v2.Message], folder: Path
) -> None:
    kinds: dict[tuple[str, str, bool, bool], bytes] = {}
    for record in recording.read(folder / "recording.jsonl"):
        if record["protocol"] == "mllp":
            message = sent[record["interface"], record["at"]]
            shape = bool(message.get("PV1-19")), bool(message.get("PID-18"))
            kinds[record["interface"], message.message_type, *shape] = base64.b64decode(record["request_b64"])
    events = {kind[1] for kind in kinds}
    assert events >= {f"ADT^A{n}" for n in (11, 18, 24, 31, 34, 35, 37, 39, 40, 41, 42, 43, 44, 45, 49, 50)}
    for kind, payload in kinds.items():
        # hl7apy calls the second PID of these by another name and then finds the first one twice.
        if kind[1] not in ("ADT^A24", "ADT^A37"):
            assert parse_message(payload.decode(), find_groups=True).validate(), kind


def test_the_truth_names_the_numbers_that_the_message_carries(
    told: Truth, sent: dict[tuple[str, int], hl7v2.Message]
) -> None:
    swapped = 0
    for record in told.values():
        for hop in record["hops"]:
            message = sent.get((hop["interface"], hop["at"]))
            if message is None:
                continue
            carried = {
                "visit": message.get("PV1-19.1") or "",
                "account": message.get("PID-18.1") or "",
                "mrn": message.get("PID-3.1") or "",
            }
            if record["story"] == Story.SWAPPED and hop["interface"] == BILLING:
                carried["visit"], carried["account"] = carried["account"], carried["visit"]
                swapped += 1
            if not (hop["message"] in ("ADT^A40", "ADT^A18") and not carried["visit"]):
                assert {kind: value for kind, value in carried.items() if value} == hop["names"]
    assert swapped


def test_every_message_of_an_encounter_is_its_persons(told: Truth) -> None:
    for record in told.values():
        for hop in record["hops"]:
            assert record["person"] in hop["persons"]
            assert len(hop["persons"]) == 1 or hop["message"] in ("ADT^A24", "ADT^A37", "ADT^A40", "ADT^A43")


def test_a_merge_changes_the_patients_number_and_says_so(
    told: Truth, sent: dict[tuple[str, int], hl7v2.Message]
) -> None:
    late = 0
    for record in of_story(told, Story.MERGED):
        (notice,) = record["notices"]
        before, after = record["numbers"]
        assert (before["mrn"], after["mrn"]) == (notice["prior"]["mrn"], record["mrn"])
        late += notice["at"] > record["planned_discharge"]
        assert notice["at"] <= record["planned_discharge"] + LATEST * 1e9
        if notice["at"] < START * 1e9:
            continue
        for road in (EHR_ADT, BILLING):
            (hop,) = hops(record, road, notice["message"])
            message = sent[road, hop["at"]]
            assert (message.get("PID-3.1"), message.get("MRG-1.1")) == (after["mrn"], before["mrn"])
        for hop in hops(record, EHR_ADT, "ADT^A03"):
            if hop["at"] < notice["at"]:
                assert hop["names"]["mrn"] == before["mrn"]
    assert 0 < late < len(of_story(told, Story.MERGED))


def test_a_changed_account_is_known_by_its_notice_alone(told: Truth) -> None:
    claimed = 0
    for record in of_story(told, Story.ACCOUNT_CHANGED):
        both = [h for h in record["hops"] if h["message"] == record["notices"][0]["message"]]
        assert all("visit" not in h["names"] for h in both)
        claims = {h["names"]["account"] for h in hops(record, "claims-out", "837")}
        journals = {h["names"]["account"] for h in hops(record, ERP, "POST /journals")}
        claimed += bool(claims and journals and claims != journals)
    assert claimed


def test_a_changed_visit_number_lives_on_where_nobody_unlearned_it(told: Truth) -> None:
    for record in of_story(told, Story.VISIT_CHANGED):
        first = record["numbers"][0]["visit"]
        assert first != record["visit"]
        if record["variant"].endswith("unlearned"):
            assert {h["names"]["visit"] for h in hops(record, BILLING, "DFT^P03")} <= {first}


def test_a_moved_stay_began_under_somebody_elses_numbers(told: Truth) -> None:
    variants = set()
    for record in of_story(told, Story.MOVED):
        variants.add(record["variant"])
        wrong, right = record["numbers"]
        assert (wrong["mrn"], wrong["account"]) != (right["mrn"], right["account"])
        assert right["since"] < record["planned_discharge"]
        assert all(h["names"]["mrn"] == record["mrn"] for h in hops(record, EHR_ADT, "ADT^A03"))
    assert variants >= {"A45 other patient", "A45 other stay", "A44 other patient"}


def test_a_mistaken_merge_is_taken_back_and_the_visit_moved_back(told: Truth) -> None:
    undone = set()
    for record in of_story(told, Story.WRONGLY_MERGED):
        (merge,) = [n for n in record["notices"] if n["message"] == "ADT^A40"]
        (back,) = [n for n in record["notices"] if n["message"] == "ADT^A45"]
        undone.add(merge["undone"])
        assert (merge["now"]["mrn"], back["prior"]["mrn"]) == (back["prior"]["mrn"], merge["now"]["mrn"])
        told_so = {n["message"] for n in record["notices"]} - {"ADT^A40", "ADT^A45", "ADT^A31"}
        assert told_so == ({f"ADT^{merge['undone']}"} if merge["undone"] != "person" else set())
        assert merge["at"] < back["at"]
    assert undone == {"A37", "A43", "person"}


def test_what_is_about_another_person_is_nobodys_encounter(told: Truth, folder: Path) -> None:
    others = truth.unattached(folder / "truth.jsonl")
    assert {h["message"] for h in others} == {"ADT^A31"}
    assert {h["interface"] for h in others} == {EHR_ADT, BILLING}
    linked = of_story(told, Story.LINKED) + of_story(told, Story.WRONGLY_MERGED)
    assert not {record["person"] for record in linked} & {h["persons"][0] for h in others}


def test_numbers_are_given_again_and_counted_twice(told: Truth) -> None:
    visits: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in told.values():
        visits[record["visit"]].append(record)
    shared = [records for records in visits.values() if len(records) > 1]
    kinds = Counter(record["story"] for records in shared for record in records)
    assert min(kinds[Story.REUSED], kinds[Story.OTHER_AUTHORITY]) > 0
    for records in shared:
        assert len({record["account"] for record in records}) == 1
        assert len({record["person"] for record in records}) == len(records)
        assert Counter(record["authority"] for record in records)["WSC"] < 2
        one, *others = sorted(
            record["planned_discharge"] for record in records if record["authority"] == "NSH"
        )
        assert all(other - one > (EVERYTHING.reuse_days - 1) * DAY * 1e9 for other in others)


def test_the_other_house_names_its_own_authority(
    told: Truth, sent: dict[tuple[str, int], hl7v2.Message]
) -> None:
    for record in of_story(told, Story.OTHER_AUTHORITY):
        assert not [h for h in record["hops"] if h["interface"] not in (EHR_ADT, BILLING)]
        for hop in record["hops"]:
            message = sent[hop["interface"], hop["at"]]
            if "visit" in hop["names"]:
                assert message.cx("PV1-19") == [(hop["names"]["visit"], "WSC")]
            assert message.cx("PID-3") == [(record["mrn"], "WSC")]


def test_a_late_link_is_the_only_message_with_both_numbers(told: Truth) -> None:
    for record in of_story(told, Story.LATE_LINK):
        for hop in record["hops"]:
            if hop["at"] < record["notices"][0]["at"]:
                assert len({"visit", "account"} & set(hop["names"])) == 1
        assert record["notices"][0]["at"] <= record["planned_discharge"] + LATEST * 1e9
        assert hops(record, EHR_ADT, "ADT^A08")


def test_some_messages_name_nothing_but_the_patient(told: Truth) -> None:
    alone = Counter(
        hop["message"]
        for record in of_story(told, Story.MRN_ONLY)
        for hop in record["hops"]
        if set(hop["names"]) == {"mrn"}
    )
    assert set(alone) == {"DFT^P03", "ADT^A01"}


def test_blanks_and_departments_stand_where_numbers_should(told: Truth) -> None:
    assert {record["variant"] for record in of_story(told, Story.BLANK)} == {"visit", "account", "mrn"}
    for record in of_story(told, Story.BLANK):
        if record["variant"] == "visit":
            assert {h["names"]["visit"] for h in hops(record, EHR_ADT, "ADT^A03")} == {BLANK_VISIT}
    bucket = of_story(told, Story.BUCKET)
    assert {record["account"] for record in bucket} == {BUCKET_ACCOUNT}
    assert len({record["visit"] for record in bucket}) == len(bucket) > 3
    assert not [h for record in bucket for h in record["hops"] if h["message"] == "837"]


def test_a_charge_under_a_strangers_visit_names_one_that_exists(told: Truth) -> None:
    visits = {record["visit"]: record["person"] for record in told.values()}
    met = 0
    for record in of_story(told, Story.STRANGERS_VISIT):
        for hop in hops(record, BILLING, "DFT^P03"):
            assert hop["names"]["visit"] == record["variant"] != record["visit"]
            met += visits.get(record["variant"], record["person"]) != record["person"]
    assert met


def test_a_cancelled_admission_is_never_discharged(told: Truth) -> None:
    for record in of_story(told, Story.ADMISSION_CANCELLED):
        assert {h["message"] for h in record["hops"]} <= {"ADT^A01", "ADT^A11"}


def test_a_hospital_that_settles_finishes_what_it_began(told: Truth) -> None:
    for record in told.values():
        if record["story"] != Story.ADMISSION_CANCELLED:
            assert hops(record, EHR_ADT, "ADT^A03"), record["encounter"]
        sent = Counter(h["message"] for h in record["hops"] if h["interface"] == EHR_ADT)
        for notice in record["notices"]:
            if notice["at"] > START * 1e9 and notice["message"] != "ADT^A31":
                assert sent[notice["message"]] == 1


class Collector(Nobody):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.hops: list[Hop] = []

    def hop(self, hop: Hop) -> None:
        self.hops.append(hop)


def test_the_living_hospital_gets_identity_wrong_too() -> None:
    seen = Collector()
    population = Population(
        seed=2, history_start=END, history_end=END, rate=0, live_rate=10_000, identity=EVERYTHING
    )
    hospital = Hospital(population, seen)
    hospital.run_history()
    hospital.agenda.run_until(END + 1800)
    told = Counter(e.story for e in hospital.book.encounters.values())
    assert len(told) > 12
    messages = {hop.message for hop in seen.hops}
    assert messages >= {"ADT^A40", "ADT^A45", "ADT^A24", "ADT^A31", "ADT^A50"}
    assert {hop.interface for hop in seen.hops if hop.message == "ADT^A40"} == {EHR_ADT, BILLING}


def test_a_message_is_whose_it_is_whatever_it_names() -> None:
    book = Casebook(Population(seed=2, history_start=START, history_end=END, identity=EVERYTHING))
    first, second = list(book.admit_until(START + DAY))[:2]
    book.sent("ENG1", first)
    book.claimed(first.account, first)
    book.claimed(first.account, second)
    assert (book.of_message("ENG1"), book.of_message("ENG2")) == (first, None)
    assert (book.of_claim(first.account), book.of_claim("A0")) == (second, None)


def test_the_configuration_switches_stories_on(tmp_path: Path) -> None:
    roads = "ehr_to_engine engine_listen engine_to_billing billing_listen engine_to_erp erp_listen"
    addresses = dict.fromkeys(roads.split(), "127.0.0.1:1")
    base = {**addresses, "claims_out": "out", "claims_in": "in"}
    everything = from_mapping({**base, "identity": True}, tmp_path, END).population.identity
    assert everything == IdentityRates.everything()
    chosen = json.loads('{"merged": 0.1, "reuse_days": 30}')
    some = from_mapping({**base, "identity": chosen}, tmp_path, END).population.identity
    assert (some.merged, some.reuse_days, some.moved) == (0.1, 30, 0.0)
    for wrong in ("yes", {"merge": 0.1}):
        with pytest.raises(ConfigError, match=r"identity|merge"):
            from_mapping({**base, "identity": wrong}, tmp_path, END)
