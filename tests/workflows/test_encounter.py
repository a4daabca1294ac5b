"""What belongs to an encounter, and what finds it: keys, eras, traces, merged patients, control IDs.

Places are written here as the resolver writes them, so that each story is about reading only.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from slo.workflows import read
from slo.workflows.search import Match
from tests.workflows.traffic import token_of
from tracing.store import Store, open_store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TABLES = (
    "key_places",
    *("spans", "keys", "journeys", "journey_members", "key_sightings", "key_facts", "key_news"),
    "derived_traces",
    *("identity_events", "key_collisions", "trace_outlines", "message_places", "key_authorities"),
)
Era = tuple[str, datetime, str]


@pytest.fixture(scope="session")
def ledger_store(embedded_url: str) -> Iterator[Store]:
    with open_store(f"{embedded_url}?database=test_encounter") as store:
        store.migrate()
        yield store


@pytest.fixture
def store(ledger_store: Store) -> Store:
    for table in TABLES:
        ledger_store.command(f"TRUNCATE TABLE {table}")
    return ledger_store


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def sent(
    store: Store,
    *keys: str,
    hours: float = 0,
    trace: str = "",
    control_id: str = "",
    authority: str = "NSH",
    interface: str = "ehr-adt",
) -> str:
    """Store one message whose best key is the first; returns its span ID. trace: a propagated one."""
    own = token_of(keys[0])
    span_id = hashlib.sha256(repr((keys, hours, trace, control_id, interface)).encode()).hexdigest()[:16]
    columns = (
        *("trace_id", "span_id", "start", "interface", "control_id"),
        *("key_kinds", "key_authorities", "key_tokens", "key_seals", "attributes"),
    )
    row = (
        *(trace or own, span_id, at(hours), interface, control_id),
        [key.split(":")[0] for key in keys],
        [authority] * len(keys),
        [token_of(key) for key in keys],
        [f"sealed {key}" for key in keys],
        {"journey.trace_id": own} if trace and not keys[0].startswith("mrn") else {},
    )
    store.insert("spans_in", columns, [row])
    return span_id


def placed(
    store: Store,
    key: str,
    journey: str,
    certainty: str = "certain",
    basis: str = "key",
    eras: Sequence[Era] = (),
) -> None:
    """What the resolver says of a key, or of a trace (32 digits)."""
    token = key if len(key) == 32 else token_of(key)
    kind = "message" if len(key) == 32 else key.split(":")[0]
    columns = ("token", "kind", "journey", "certainty", "basis", "eras", "version")
    store.insert("journeys", columns, [(token, kind, journey, certainty, basis, list(eras), 1)])


def said(store: Store, event: str, one: str, other: str, hours: float = 0, level: str = "patient") -> None:
    """One message says that two patient numbers are one, or are not any more."""
    event_id = hashlib.sha256(repr((event, one, other, hours)).encode()).hexdigest()[:32]
    columns = (
        *("token", "event_id", "at", "event", "level"),
        *("from_kind", "from_token", "to_kind", "to_token"),
    )
    ends = (one.split(":")[0], token_of(one), other.split(":")[0], token_of(other))
    rows = [(token_of(key), event_id, at(hours), event, level, *ends) for key in (one, other)]
    store.insert("identity_events", columns, rows)


def found(store: Store, *keys: str) -> list[Match]:
    return read.search(store, [token_of(key) for key in keys], NOON)


V1, V2 = token_of("visit:1"), token_of("visit:2")


def test_every_message_says_how_surely_it_belongs(store: Store) -> None:
    sent(store, "visit:1", "account:1", "mrn:7")
    sent(store, "account:1", hours=1)
    sent(store, "mrn:7", hours=2, trace="ab" * 16)
    sent(store, "order:9", hours=3)
    placed(store, "account:1", V1)
    placed(store, "ab" * 16, V1, "probable", "patient")
    placed(store, "order:9", V1, "probable", "several")
    for key in ("visit:1", "account:1"):
        journey = read.journey(store, token_of(key), NOON)
        assert journey is not None
        assert (journey.journey, journey.kind) == (V1, "visit")
        assert [(hop.certainty, hop.basis) for hop in journey.hops] == [
            ("certain", "own"),
            ("certain", "key"),
            ("probable", "patient"),
            ("probable", "several"),
        ]
        assert journey.hops[2].token == "ab" * 16
    assert {key.kind for key in journey.keys} == {"visit", "account", "mrn", "order"}


def test_a_message_that_came_with_a_propagated_trace_is_of_its_own_encounter(store: Store) -> None:
    sent(store, "visit:1", "account:1")
    sent(store, "account:1", hours=30, trace="cd" * 16)
    sent(store, "account:2", hours=30, trace="cd" * 16)
    placed(store, "account:1", V1)
    journey = read.journey(store, V1, NOON)
    assert journey is not None
    assert [hop.trace_id for hop in journey.hops] == [V1, "cd" * 16]
    assert {match.journey for match in read.search(store, [], NOON, traces=["cd" * 16])} == {
        V1,
        token_of("account:2"),
    }


def test_one_number_of_two_patients_gives_each_their_messages(store: Store) -> None:
    other = "ee" * 16
    eras = [(token_of("mrn:7"), at(0), V1), (token_of("mrn:8"), at(1000), other)]
    sent(store, "visit:1", "mrn:7")
    sent(store, "visit:1", hours=1)
    sent(store, "visit:1", "mrn:8", hours=1000)
    sent(store, "visit:1", "mrn:7", hours=1001)
    sent(store, "visit:1", hours=1002)
    placed(store, "visit:1", V1, basis="own", eras=eras)
    both = [read.journey(store, root, NOON) for root in (V1, other)]
    assert [one.hops for one in read.outlines(store, [V1, other, V2], NOON)] == [3, 2]
    first, second = (one for one in both if one is not None)
    assert [hop.at for hop in first.hops] == [at(0), at(1), at(1001)]
    assert [hop.at for hop in second.hops] == [at(1000), at(1002)]
    assert (second.journey, second.kind) == (other, "visit")
    one, two = found(store, "visit:1")
    assert (one.journey, one.since, one.until) == (V1, at(0), at(1000))
    assert (two.journey, two.since, two.until) == (other, at(1000), None)
    assert [match.journey for match in found(store, "mrn:8")] == [other]
    assert [match.journey for match in found(store, "mrn:7")] == [V1]


@pytest.mark.parametrize("seed", range(12))
def test_what_a_list_says_of_an_encounter_is_what_reading_its_messages_gives(store: Store, seed: int) -> None:
    pick = random.Random(seed)
    visits = [f"visit:{n}" for n in range(4)]
    for visit in visits:
        for account in range(pick.randrange(3)):
            eras = [(token_of("mrn:7"), NOON, token_of(visit)), (token_of("mrn:8"), NOON, V2)]
            split = pick.random() < 0.2
            placed(store, f"account:{visit}{account}", token_of(visit), eras=eras if split else ())
    for n in range(40):
        visit = pick.choice(visits)
        keys = pick.choice([(visit, "mrn:7"), (visit,), (f"account:{visit}{pick.randrange(2)}", "mrn:8")])
        propagated = pick.choice(["", "", "", f"{pick.randrange(4):032x}", token_of(pick.choice(visits))])
        hours, interface = pick.choice([0, 3, 20, 40, 400]), pick.choice(["ehr-adt", "billing"])
        sent(store, *keys, hours=hours, trace=propagated, control_id=str(n), interface=interface)
        if pick.random() < 0.3:  # telemetry that is sent again
            sent(store, *keys, hours=hours, trace=propagated, control_id=str(n), interface=interface)
    roots = [token_of(visit) for visit in visits]
    lines = {one.journey: one for one in read.outlines(store, [*roots, token_of("visit:none")], NOON)}
    for root in roots:
        whole = read.journey(store, root, NOON)
        if whole is None:
            assert root not in lines
            continue
        line = lines[root]
        assert (line.hops, line.began) == (len(whole.hops), whole.hops[0].at)
        assert set(line.trace_ids) == set(whole.trace_ids)
        assert line.trace_ids[0] in {hop.trace_id for hop in whole.hops if hop.at == whole.hops[0].at}


def test_a_patient_leads_to_every_encounter_the_latest_first(store: Store) -> None:
    sent(store, "visit:1", "mrn:7")
    sent(store, "visit:2", "mrn:7", hours=5)
    sent(store, "mrn:7", hours=6, trace="ab" * 16)
    placed(store, "ab" * 16, V2, "probable", "patient")
    assert [(match.journey, match.certainty, match.kind) for match in found(store, "mrn:7")] == [
        (V2, "certain", "mrn"),
        (V1, "certain", "mrn"),
    ]
    assert found(store, "mrn:7")[0].since == at(5)


def test_a_merged_patient_is_found_by_either_number_and_says_so(store: Store) -> None:
    sent(store, "visit:1", "mrn:old")
    sent(store, "visit:2", "mrn:new", hours=5)
    sent(store, "visit:3", "mrn:other", hours=6)
    said(store, "merge", "mrn:old", "mrn:new", hours=7)
    by_journey = {match.journey: match for match in found(store, "mrn:old")}
    assert set(by_journey) == {V1, V2}
    assert (by_journey[V1].via, by_journey[V1].gave_way) == ("", False)
    assert (by_journey[V2].via, by_journey[V2].via_at, by_journey[V2].gave_way) == ("merge", at(7), True)
    back = {match.journey: match for match in found(store, "mrn:new")}
    assert (back[V1].via, back[V1].gave_way) == ("merge", False)
    said(store, "unlink", "mrn:old", "mrn:new", hours=9)
    assert {match.journey for match in found(store, "mrn:old")} == {V1}


def test_a_number_that_two_authorities_gave_shows_both(store: Store) -> None:
    sent(store, "account:n1")
    sent(store, "account:e1", authority="EAST")
    matches = found(store, "account:n1", "account:e1")
    assert {(match.kind, match.authority) for match in matches} == {("account", "NSH"), ("account", "EAST")}
    assert read.authorities(store) == [("account", "EAST"), ("account", "NSH")]


def test_a_doubtful_key_says_why(store: Store) -> None:
    sent(store, "account:5", "visit:1")
    placed(store, "account:5", token_of("account:5"), "quarantined", "quarantined")
    columns = ("token", "why", "kind", "evidence", "raised_at")
    store.insert("key_collisions", columns, [(token_of("account:5"), "too_many", "account", [V1, V2], NOON)])
    matches = found(store, "account:5")
    assert {(match.certainty, match.why) for match in matches} == {("quarantined", "too_many")}
    assert {match.journey for match in matches} == {token_of("account:5"), V1, V2}
    row = (token_of("mrn:0"), "mrn", "NSH", "sealed", NOON)
    store.insert("keys", ("token", "kind", "authority", "sealed", "first_seen"), [row])
    store.insert("key_collisions", columns, [(token_of("mrn:0"), "blank", "mrn", [], NOON)])
    (match,) = found(store, "mrn:0")
    assert (match.journey, match.why) == ("", "blank")


def test_a_control_id_finds_its_messages_however_many_days_there_are(store: Store) -> None:
    sent(store, "visit:1", control_id="MSG1")
    sent(store, "account:1", hours=100, trace="cd" * 16, control_id="MSG1", interface="erp")
    sent(store, "visit:3", hours=50, control_id="MSG2")
    placed(store, "account:1", V2)
    matches = read.search(store, [], NOON, control_ids=["MSG1", "MSG9"])
    assert [(match.asked, match.kind, match.journey, match.interface) for match in matches] == [
        ("MSG1", "control_id", V2, "erp"),
        ("MSG1", "control_id", V1, "ehr-adt"),
    ]
    span_id = sent(store, "visit:4", hours=51)
    (match,) = read.search(store, [], NOON, span_ids=[span_id])
    assert (match.asked, match.kind, match.journey) == (span_id, "span_id", token_of("visit:4"))
    many = [f"MANY{number}" for number in range(120)]
    for number, name in enumerate(many[:3]):
        sent(store, f"visit:{number}", hours=number, control_id=name)
    assert len(read.search(store, [], NOON, control_ids=many)) == 3


def test_a_control_id_is_found_whatever_digits_its_trace_begins_with(store: Store) -> None:
    for start in ("00", "0", "f"):
        number = next(n for n in range(10_000) if token_of(f"visit:{n}").startswith(start))
        sent(store, f"visit:{number}", control_id=f"MSG-{start}")
        (match,) = read.search(store, [], NOON, control_ids=[f"MSG-{start}"])
        assert match.journey == token_of(f"visit:{number}")
    for trace in ("ab00" + "1" * 28, "0001" + "2" * 28, "0000" + "3" * 28):
        sent(store, "mrn:7", trace=trace, control_id=f"MSG-{trace[:4]}")
        (match,) = read.search(store, [], NOON, control_ids=[f"MSG-{trace[:4]}"])
        assert match.journey == trace
