"""The rule of journeys, one story a test."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from tests.identity import hospitals
from tests.identity.hospitals import hospital, kind, one_person
from tracing.identity import Event, Facts, Link, Place, Resolution, Rules, Sighting, resolve
from tracing.identity.model import BEGINNING, NEVER, era_of, split_journey

MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def link(one: str, other: str, at: datetime = MORNING, interface: str = "adt", patient: str = "") -> Link:
    """`visit:V1` and so on: the kind stands before the colon."""
    return Link(one, one.partition(":")[0], other, other.partition(":")[0], interface, patient, at, at)


def sighting(patient: str, key: str, at: datetime = MORNING, together: Iterable[str] = ()) -> Sighting:
    """A patient's number is `mrn:<authority><number>`."""
    return Sighting(patient, patient[4], key, key.partition(":")[0], at, at, frozenset(together))


def event(
    name: str, before: str, after: str, at: datetime = MORNING, subject: str = "", **more: str
) -> Event:
    kinds = before.partition(":")[0], after.partition(":")[0]
    level = {"mrn": "patient", "visit": "visit"}.get(kinds[1], "account")
    return Event(
        more.get("event_id", f"{name} {before} {after} {at}"), at, name, level, before, after, subject,
        more.get("withdraws", ""), *kinds,
    )  # fmt: skip


def told(
    links: Iterable[Link] = (), events: Iterable[Event] = (), sightings: Iterable[Sighting] = (), **caps: int
) -> Resolution:
    seen = list(sightings)
    keys = {one.key: one.key_kind for one in seen}
    return resolve(Facts(links, events, seen, keys), Rules(caps=caps))


def placed(links: Iterable[Link]) -> dict[str, Place]:
    return told(links).places


def test_an_account_belongs_to_the_visit_it_was_seen_with() -> None:
    assert placed([link("visit:1", "account:1")]) == {
        "visit:1": Place("visit", "visit:1", "certain", "own"),
        "account:1": Place("account", "visit:1", "certain", "key"),
    }


def test_a_chain_of_any_length_leads_to_the_visit() -> None:
    chain = ["journal:1", "purchase_order:1", "case:1", "visit:1"]
    places = placed([link(*pair) for pair in itertools.pairwise(chain)])
    assert {place.journey for place in places.values()} == {"visit:1"}
    assert {place.certainty for place in places.values()} == {"certain"}


def test_without_a_visit_the_best_key_is_the_root() -> None:
    places = placed([link("claim:1", "account:1"), link("claim:1", "order:1")])
    assert {place.journey for place in places.values()} == {"account:1"}


def test_an_account_of_two_visits_joins_neither_and_is_probably_the_one_named_last() -> None:
    links = [
        link("account:1", "visit:1", MORNING + HOUR),
        link("account:1", "visit:2"),
        link("claim:1", "account:1"),
    ]
    places = placed(links)
    assert places["visit:1"].journey == "visit:1"
    assert places["visit:2"].journey == "visit:2"
    assert places["account:1"] == Place("account", "visit:1", "probable", "several")
    assert places["claim:1"] == Place("claim", "visit:1", "probable", "several")


def test_the_source_of_an_account_has_the_last_word_on_its_visit() -> None:
    links = [
        link("account:1", "visit:1", MORNING, "adt"),
        link("account:1", "visit:2", MORNING + HOUR, "billing"),
    ]
    assert placed(links)["account:1"] == Place("account", "visit:1", "probable", "several")


def test_a_medical_record_number_joins_nothing() -> None:
    links = [link("visit:1", "mrn:1"), link("visit:2", "mrn:1"), link("account:1", "visit:1")]
    assert set(placed(links)) == {"visit:1", "account:1"}


def test_an_order_shared_by_the_accounts_of_two_visits_leaves_the_accounts_certain() -> None:
    places = placed(
        [
            link("account:1", "visit:1"),
            link("account:2", "visit:2"),
            link("order:1", "account:1"),
            link("order:1", "account:2", MORNING + HOUR),
        ]
    )
    assert places["account:1"] == Place("account", "visit:1", "certain")
    assert places["account:2"] == Place("account", "visit:2", "certain")
    assert places["order:1"] == Place("order", "visit:2", "probable", "several")


def test_a_visit_number_of_two_patients_is_two_journeys_until_they_are_said_to_be_one() -> None:
    sightings = [sighting("mrn:N1", "visit:1"), sighting("mrn:N2", "visit:1", MORNING + HOUR)]
    links = [
        link("account:1", "visit:1", patient="mrn:N1"),
        link("account:2", "visit:1", MORNING + HOUR, patient="mrn:N2"),
    ]
    apart = told(links, sightings=sightings)
    second = split_journey("visit:1", "mrn:N2")
    assert apart.places["visit:1"].eras == (("mrn:N1", BEGINNING, "visit:1"), ("mrn:N2", NEVER, second))
    assert apart.places["account:1"].journey == "visit:1"
    assert apart.places["account:2"] == Place("account", second, "certain")
    assert [(one.token, one.why) for one in apart.collisions] == [("visit:1", "two_patients")]
    for said in ("merge", "link", "same", "change"):
        joined = told(links, [event(said, "mrn:N1", "mrn:N2")], sightings)
        assert {place.journey for place in joined.places.values()} == {"visit:1"}
        assert not joined.collisions
    taken_back = told(
        links,
        [
            event("merge", "mrn:N1", "mrn:N2", event_id="m"),
            event("withdraw", "mrn:N1", "mrn:N2", MORNING + DAY, withdraws="m"),
        ],
        sightings,
    )
    assert taken_back.places == apart.places


def test_patients_that_a_person_calls_different_are_no_doubt_any_more() -> None:
    sightings = [sighting("mrn:N1", "visit:1"), sighting("mrn:N2", "visit:1")]
    decided = told((), [event("different", "mrn:N1", "mrn:N2", event_id="d")], sightings)
    assert len(decided.places["visit:1"].eras) == 2
    assert decided.collisions == []
    taken_back = event("withdraw", "mrn:N1", "mrn:N2", MORNING + DAY, withdraws="d")
    again = told((), [event("different", "mrn:N1", "mrn:N2", event_id="d"), taken_back], sightings)
    assert [one.why for one in again.collisions] == ["two_patients"]


def test_a_merge_told_by_every_interface_is_taken_back_once() -> None:
    events = [
        event("merge", "mrn:N1", "mrn:N2", event_id="first"),
        event("merge", "mrn:N1", "mrn:N2", MORNING + HOUR, event_id="second"),
        event("withdraw", "mrn:N1", "mrn:N2", MORNING + DAY, withdraws="first"),
    ]
    sightings = [sighting("mrn:N1", "visit:1"), sighting("mrn:N2", "visit:1")]
    assert len(told((), events, sightings).places["visit:1"].eras) == 2
    again = [*events, event("merge", "mrn:N1", "mrn:N2", MORNING + 2 * DAY)]
    assert not told((), again, sightings).places["visit:1"].eras


def test_identifiers_that_move_back_part_two_patients_who_were_merged() -> None:
    sightings = [sighting("mrn:N1", "visit:1"), sighting("mrn:N2", "visit:1")]
    merge = event("merge", "mrn:N1", "mrn:N2")
    back = event("move", "mrn:N2", "mrn:N1", MORNING + DAY)
    assert len(told((), [merge, back], sightings).places["visit:1"].eras) == 2
    elsewhere = event("move", "mrn:N1", "mrn:N2", MORNING + DAY)
    assert not told((), [merge, elsewhere], sightings).places["visit:1"].eras


def test_numbers_that_stand_in_one_message_are_one_patient_s() -> None:
    sightings = [
        sighting("mrn:N1", "visit:1", together=["mrn:N2"]),
        sighting("mrn:N2", "visit:1", together=["mrn:N1"]),
        sighting("mrn:E1", "visit:1"),
    ]
    assert told((), (), sightings).places["visit:1"].eras == ()


def test_a_visit_number_given_again_long_after_is_another_visit_from_then_on() -> None:
    later = MORNING + 100 * DAY
    sightings = [sighting("mrn:N1", "visit:1"), sighting("mrn:N2", "visit:1", later)]
    result = told((), (), sightings)
    eras = result.places["visit:1"].eras
    second = split_journey("visit:1", "mrn:N2")
    assert [one.why for one in result.collisions] == ["reused"]
    assert era_of(eras, "", later + HOUR) == second
    assert era_of(eras, "", MORNING + HOUR) == "visit:1"
    assert era_of(eras, "mrn:N1", later + HOUR) == "visit:1"


def test_an_account_of_two_patients_belongs_to_neither_unless_long_silence_lies_between() -> None:
    def stay(second: datetime) -> Resolution:
        links = [link("account:1", "visit:1"), link("account:1", "visit:2", second)]
        seen = [sighting("mrn:N1", "visit:1"), sighting("mrn:N2", "visit:2", second)]
        return told([*links, link("claim:1", "account:1", second)], (), seen)

    near = stay(MORNING + DAY)
    assert near.places["account:1"] == Place("account", "account:1", "quarantined", "quarantined")
    assert near.places["claim:1"] == Place("claim", "claim:1", "certain", "own")
    assert near.collisions[0][:3] == ("account:1", "account", "two_patients")
    far = stay(MORNING + 90 * DAY)
    assert far.places["account:1"].certainty == "probable"
    assert era_of(far.places["account:1"].eras, "", MORNING + DAY) == "visit:1"
    assert era_of(far.places["account:1"].eras, "", MORNING + 91 * DAY) == "visit:2"
    assert [one.why for one in far.collisions] == ["reused"]


def test_a_wrong_visit_of_another_patient_further_down_the_road_does_not_win() -> None:
    links = [link("account:1", "visit:1"), link("account:1", "visit:2", MORNING + HOUR, "billing")]
    seen = [sighting("mrn:N1", "visit:1"), sighting("mrn:N2", "visit:2")]
    assert told(links, (), seen).places["account:1"] == Place("account", "visit:1", "probable", "several")


def test_a_key_of_too_many_visits_says_nothing_until_it_is_released() -> None:
    links = [link("account:9", f"visit:{n}", MORNING + n * HOUR) for n in range(4)]
    links.append(link("claim:1", "account:9"))
    result = told(links)
    assert result.places["account:9"].certainty == "quarantined"
    assert result.places["claim:1"].journey == "claim:1"
    assert [(one.why, len(one.evidence)) for one in result.collisions] == [("too_many", 4)]
    assert told(links, account=4).places["account:9"].journey == "visit:3"
    released = Event("r", MORNING, "release", "account", "", "account:9", to_kind="account")
    assert told(links, [released]).places["account:9"] == Place("account", "visit:3", "probable", "several")


def test_a_moved_visit_leaves_the_account_it_stood_on() -> None:
    links = [link("account:1", "visit:1"), link("account:2", "visit:1", MORNING + HOUR)]
    move = event("move", "account:1", "account:2", MORNING + HOUR, "visit:1", event_id="m")
    places = told(links, [move]).places
    assert places["account:1"].journey == "account:1"
    assert places["account:2"] == Place("account", "visit:1", "certain")
    back = event("withdraw", "account:1", "account:2", MORNING + DAY, "visit:1", withdraws="m")
    places = told(links, [move, back]).places
    assert places["account:1"].journey == "visit:1"
    assert places["account:2"].journey == "account:2"


def test_a_changed_visit_number_is_one_journey_named_by_the_newest() -> None:
    links = [link("account:1", "visit:1"), link("account:2", "visit:2"), link("account:3", "visit:3")]
    events = [
        event("change", "visit:1", "visit:2"),
        event("merge", "visit:2", "visit:3", MORNING + HOUR),
    ]
    places = told(links, events).places
    assert {place.journey for place in places.values()} == {"visit:3"}
    assert {place.certainty for place in places.values()} == {"certain"}


def test_a_changed_account_number_goes_where_the_account_goes() -> None:
    places = told([link("account:1", "visit:1")], [event("change", "account:1", "account:2")]).places
    assert places["account:2"] == Place("account", "visit:1", "certain")


def test_messages_of_another_patient_with_an_account_do_not_join_its_visit() -> None:
    seen = [sighting("mrn:N1", "visit:1"), sighting("mrn:N2", "account:1", MORNING + HOUR)]
    result = told([link("account:1", "visit:1")], (), seen)
    place = result.places["account:1"]
    assert place.journey == "visit:1"
    assert era_of(place.eras, "mrn:N2", MORNING) == split_journey("account:1", "mrn:N2")
    assert era_of(place.eras, "", MORNING + DAY) == "visit:1"
    assert [one.why for one in result.collisions] == ["two_patients"]


@pytest.mark.parametrize("block", range(4))
def test_thousands_of_hospitals_never_join_two_patients(block: int) -> None:
    """A plain union-find says who is one person; no journey may hold messages of two."""
    joined = 0
    for number in range(block * 1000, block * 1000 + 1000):
        messages = hospital(number)
        places = resolve(hospitals.facts(messages), Rules()).places
        person = one_person(messages)
        inside: dict[str, list[hospitals.Message]] = defaultdict(list)
        for message in messages:
            named = min(message.keys, key=lambda t: (hospitals.rank(t), message.keys.index(t)), default="")
            if named and message.patients and named in places:
                place = places[named]
                journey = era_of(place.eras, message.patients[0], message.at) if place.eras else place.journey
                inside[journey].append(message)
        for journey, found in inside.items():
            for one, other in itertools.combinations(found, 2):
                mine, its = ({person[p] for p in each.patients} for each in (one, other))
                shared = {hospitals.authority(p) for p in one.patients} & {
                    hospitals.authority(p) for p in other.patients
                }
                if not mine & its and shared and not _linked_elsewhere(found, person):
                    raise AssertionError(f"hospital {number}: {journey} holds two patients")
                joined += 1
    assert joined > 500


def _linked_elsewhere(found: list[hospitals.Message], person: dict[str, str]) -> bool:
    """Whether other messages of the journey make them one: numbers that stand together are one patient's."""
    near: dict[str, set[str]] = defaultdict(set)
    for message in found:
        names = {person[p] for p in message.patients}
        for name in names:
            near[name] |= names
    first = next(iter(near))
    reached, open_names = {first}, [first]
    while open_names:
        new = near[open_names.pop()] - reached
        reached |= new
        open_names += new
    return len(reached) == len(near)


@pytest.mark.parametrize("block", range(2))
def test_order_and_repetition_of_facts_change_nothing(block: int) -> None:
    for number in range(block * 300, block * 300 + 300):
        facts = hospitals.facts(hospital(number))
        dice = random.Random(number)
        links, events, seen = (list(part) * 2 for part in (facts.links, facts.events, facts.sightings))
        for part in (links, events, seen):
            dice.shuffle(part)
        turned = [
            one._replace(token=one.other, kind=one.other_kind, other=one.token, other_kind=one.kind)
            if dice.random() < 0.5
            else one
            for one in links
        ]
        again = Facts(turned, events, dict.fromkeys(seen), facts.keys)
        assert resolve(again, Rules()).places == resolve(facts, Rules()).places


@pytest.mark.parametrize("block", range(3))
def test_without_patients_the_forest_is_a_union_find(block: int) -> None:
    for number in range(block * 1000, block * 1000 + 1000):
        messages = hospital(number, people=False)
        found = resolve(hospitals.facts(messages), Rules()).places
        wanted = _plain(messages)
        assert {token: place.journey for token, place in found.items()} == wanted, number


def _plain(messages: Iterable[hospitals.Message]) -> dict[str, str]:
    """Union-find over keys that no visit was seen with; a key of visits belongs to the one named last."""
    facts = hospitals.facts(messages)
    links = list(facts.links)
    tokens = {token for one in links for token in (one.token, one.other)}
    answer = {token: token for token in tokens if kind(token) == "visit"}
    for token in sorted(tokens - answer.keys()):
        rows = [one for one in links if one.other == token and kind(one.token) == "visit"]
        if rows:
            source = min((one.first, one.interface) for one in rows)[1]
            own = [one for one in rows if one.interface == source]
            last: dict[str, tuple[datetime, datetime]] = {}
            for one in own:
                every = max(each.last for each in rows if each.token == one.token)
                last[one.token] = max(last.get(one.token, (BEGINNING, BEGINNING)), (one.last, every))
            answer[token] = max(last, key=lambda visit: (last[visit], visit))
    parent = {token: token for token in tokens - answer.keys()}

    def find(token: str) -> str:
        while parent[token] != token:
            token = parent[token]
        return token

    for one in links:
        if one.token in parent and one.other in parent:
            ends = sorted((find(one.token), find(one.other)), key=lambda t: (hospitals.rank(t), t))
            parent[ends[1]] = ends[0]
    around: dict[str, dict[str, datetime]] = defaultdict(dict)
    for one in links:
        for here, there in ((one.token, one.other), (one.other, one.token)):
            if here in parent and there in answer and kind(there) != "visit":
                beside = around[find(here)]
                journey = answer[there]
                beside[journey] = max(beside.get(journey, BEGINNING), one.last)
    alone = {token: find(token) for token in parent}
    for token, root in alone.items():
        beside = around.get(root, {})
        answer[token] = max(beside, key=lambda visit: (beside[visit], visit)) if beside else root
    return answer
