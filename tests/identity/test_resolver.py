"""The resolver against the rule over everything: any order, repetition and delay, restarts, two at once."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta

import pytest

from tests.identity.hospitals import NOW, Message, facts, hospital, insert
from tracing.identity import Era, Place, Resolver, Rules, read, resolve
from tracing.identity.decisions import DecisionError, decide
from tracing.identity.model import era_of
from tracing.store import Store

HOUR = timedelta(hours=1)


def message(*keys: str, n: int = 1, interface: str = "adt", **more: object) -> Message:
    """Keys as `visit:1`; patients as `a1`."""
    patients = tuple(f"0:mrn:{one}" for one in more.pop("patients", ()))  # type: ignore[attr-defined]
    trace = f"{n:032x}"
    at = NOW + HOUR * n
    return Message(trace, interface, at, tuple(f"0:{key}" for key in keys), patients, **more)  # type: ignore[arg-type]


def places(store: Store) -> dict[str, tuple[str, str]]:
    rows = store.query("SELECT token, journey, certainty FROM journeys FINAL").rows
    return {
        token.replace("/", ":").removeprefix("0:"): (journey.replace("/", ":").removeprefix("0:"), certainty)
        for token, journey, certainty in rows
    }


def whole(messages: Iterable[Message]) -> dict[str, Place]:
    """The places by the rule over all facts at once, in the spelling of the store."""
    result = resolve(facts(messages, store=True), Rules()).places
    return {token: place for token, place in result.items() if place[1:] != (token, "certain", "own", ())}


def kept(store: Store) -> dict[str, Place]:
    rows = store.query("SELECT token, kind, journey, certainty, basis, eras FROM journeys FINAL").rows
    found = {}
    for token, kind, journey, certainty, basis, eras in rows:
        place = Place(kind, journey, certainty, basis, tuple(Era(**era) for era in eras))
        if kind != "message" and place[1:] != (token, "certain", "own", ()):
            found[token] = place
    return found


@pytest.mark.slow
@pytest.mark.parametrize("block", range(3))
def test_any_order_repetition_delay_and_restart_give_the_places_of_the_rule(store: Store, block: int) -> None:
    dice = random.Random(block)
    messages = [one for n in range(300) for one in hospital(100_000 + block * 300 + n, moves=block > 0)]
    sent = messages + dice.sample(messages, len(messages) // 3)
    dice.shuffle(sent)
    resolvers = [Resolver(store), Resolver(store)]
    parts = 5
    for part in range(parts):
        insert(store, sent[part::parts])
        if part == 2:
            resolvers[0] = Resolver(store)
        resolvers[part % 2].step(NOW)
    for resolver in resolvers:
        resolver.step(NOW)
    wanted, found = whole(messages), kept(store)
    assert {token for token in wanted.keys() | found.keys() if wanted.get(token) != found.get(token)} == set()
    assert len(wanted) > 1000
    assert sum(place.eras != () for place in wanted.values()) > 20
    assert sum(place.certainty == "quarantined" for place in wanted.values()) > 20
    assert [resolver.step(NOW) for resolver in resolvers] == [0, 0]


def test_a_visit_learned_late_takes_the_group_and_leaves_a_trail(store: Store) -> None:
    resolver = Resolver(store)
    insert(store, [message("account:1", "claim:1")])
    assert resolver.step(NOW) == 2
    assert places(store)["claim:1"] == ("account:1", "certain")
    insert(store, [message("visit:1", "account:1", n=2)])
    assert resolver.step(NOW) == 3
    assert {journey for journey, _ in places(store).values()} == {"visit:1"}
    former = store.query("SELECT token, journey FROM journey_former ORDER BY token, journey").rows
    assert former == [
        ("0/account/1", "0/account/1"),
        ("0/claim/1", "0/account/1"),
        ("0/claim/1", "0/claim/1"),
    ]


def test_a_step_reads_only_new_links(store: Store) -> None:
    resolver = Resolver(store)
    insert(store, [message("visit:1", "account:1")])
    assert resolver.step(NOW) == 2
    assert resolver.step(NOW) == 0
    # Were the first link read again, the place taken away here would come back.
    store.command("TRUNCATE TABLE journeys")
    insert(store, [message("visit:2", "account:2", n=2)])
    assert resolver.step(NOW) == 2
    assert set(places(store)) == {"visit:2", "account:2"}


def test_a_batch_of_many_accounts_joins_none_of_them(store: Store) -> None:
    insert(store, [message("account:1", "account:2", "account:3", "journal:1")])
    insert(store, [message("account:1", "visit:1", n=2), message("account:2", "visit:2", n=3)])
    Resolver(store).step(NOW)
    assert places(store)["account:1"] == ("visit:1", "certain")
    assert places(store)["account:2"] == ("visit:2", "certain")
    assert "account:3" not in places(store)


def test_a_message_of_a_patient_belongs_probably_to_the_only_visit_of_that_time(store: Store) -> None:
    resolver = Resolver(store)
    alone = message(n=30, patients=["a1"])
    insert(store, [message("visit:1", "account:1", n=1, patients=["a1"]), alone])
    resolver.step(NOW)
    assert alone.trace not in places(store)
    insert(store, [message("visit:1", "account:1", n=20, patients=["a1"])])
    resolver.step(NOW)
    assert places(store)[alone.trace] == ("visit:1", "probable")
    insert(store, [message("visit:2", "account:2", n=25, patients=["a1"])])
    resolver.step(NOW)
    assert places(store)[alone.trace] == (alone.trace, "certain")


def test_a_message_under_a_number_that_was_merged_finds_the_visit_of_the_one_that_stayed(
    store: Store,
) -> None:
    alone = message(n=4, patients=["a1"])
    insert(store, [message("visit:1", "account:1", n=2, patients=["a2"]), alone])
    resolver = Resolver(store)
    resolver.step(NOW)
    assert alone.trace not in places(store)
    merge = ("merge", "patient", "0:mrn:a1", "0:mrn:a2", "")
    insert(store, [message(n=5, patients=["a2"], said=(merge,))])
    resolver.step(NOW)
    assert places(store)[alone.trace] == ("visit:1", "probable")


def test_two_patients_of_one_visit_number_come_together_with_the_merge_and_part_when_it_is_taken_back(
    store: Store,
) -> None:
    resolver = Resolver(store)
    first, second = (
        message("visit:1", "account:1", patients=["a1"]),
        message("visit:1", "order:1", n=2, patients=["a2"]),
    )
    insert(store, [first, second])
    resolver.step(NOW)
    apart = kept(store)
    assert era_of(apart["0/visit/1"].eras, "0/mrn/a2", NOW) == apart["0/order/1"].journey != "0/visit/1"
    (collision,) = read.collisions(store)
    assert (collision.token, collision.why) == ("0/visit/1", "two_patients")
    insert(store, [message(n=3, patients=["a2"], said=(("merge", "patient", "0:mrn:a1", "0:mrn:a2", ""),))])
    resolver.step(NOW)
    assert {journey for journey, _ in places(store).values()} == {"visit:1"}
    assert read.collisions(store) == []
    assert len(read.collisions(store, open_only=False)) == 1
    (merge,) = read.history(store, ["0/mrn/a1"])
    later = NOW + timedelta(days=2)
    decide(store, "withdraw", merge.event_id, "k.noor", "two persons of one name", later)
    resolver.step(later)
    assert kept(store) == apart
    told = read.history(store, ["0/mrn/a1"])
    assert [(one.event, one.withdrawn, one.who) for one in told] == [
        ("merge", True, ""),
        ("withdraw", False, "k.noor"),
    ]


def test_a_person_releases_a_key_of_too_many_visits(store: Store) -> None:
    resolver = Resolver(store)
    insert(store, [message("account:9", f"visit:{n}", n=n) for n in range(1, 6)])
    resolver.step(NOW)
    assert places(store)["account:9"] == ("account:9", "quarantined")
    assert [one.why for one in read.collisions(store)] == ["too_many"]
    decide(store, "release", ["0/account/9"], "k.noor", "a series of treatments", NOW)
    resolver.step(NOW)
    assert places(store)["account:9"] == ("visit:5", "probable")
    assert read.collisions(store) == []


@pytest.mark.parametrize(
    ("action", "tokens", "why"),
    [
        ("merge", ["0/mrn/a1"], "one of"),
        ("same", ["0/mrn/a1"], "two keys"),
        ("same", ["0/mrn/a1", "0/account/1"], "two patients"),
        ("release", ["never"], "never been seen"),
        ("withdraw", "never", "no such event"),
    ],
)
def test_a_decision_that_cannot_be_taken_says_why(
    store: Store, action: str, tokens: list[str], why: str
) -> None:
    insert(store, [message("visit:1", "account:1", patients=["a1"])])
    with pytest.raises(DecisionError, match=why):
        decide(store, action, tokens, "k.noor", "because", NOW)


def test_a_decision_needs_a_person_and_a_reason(store: Store) -> None:
    for who, reason in (("", "because"), ("k.noor", " ")):
        with pytest.raises(DecisionError, match="a person and a reason"):
            decide(store, "release", ["0/account/1"], who, reason, NOW)


def test_the_chain_names_each_message_on_the_way(store: Store) -> None:
    insert(
        store,
        [
            message("visit:1", "account:1", n=1),
            message("account:1", "purchase_order:1", n=2, interface="erp"),
            message("purchase_order:1", "journal:1", n=3, interface="ledger"),
        ],
    )
    Resolver(store).step(NOW)
    chain = read.chain(store, "0/journal/1")
    assert [(one.kind, one.other_kind, one.interface) for one in chain] == [
        ("journal", "purchase_order", "ledger"),
        ("purchase_order", "account", "erp"),
        ("account", "visit", "adt"),
    ]
    assert [one.at for one in chain] == [NOW + HOUR * 3, NOW + HOUR * 2, NOW + HOUR]
    assert read.chain(store, "0/visit/1") == []


def test_a_merge_that_names_only_the_patient_finds_the_visit_of_the_earlier_number(store: Store) -> None:
    merge = message(n=2, patients=["a1"], said=(("merge", "patient", "0:mrn:a2", "0:mrn:a1", ""),))
    insert(store, [message("visit:1", "account:1", patients=["a2"]), merge])
    Resolver(store).step(NOW)
    assert places(store)[merge.trace] == ("visit:1", "probable")


def test_a_claim_s_number_at_the_provider_and_at_the_payer_are_one_claim(store: Store) -> None:
    columns = ("trace_id", "span_id", "start", "key_kinds", "key_authorities", "key_tokens", "key_seals")
    kinds, seals = ["claim", "claim"], ["", ""]
    store.insert(
        "spans_in", columns, [("t", "s", NOW, kinds, ["NSH", "PAYER"], ["0/claim/1", "0/claim/9"], seals)]
    )
    Resolver(store).step(NOW)
    assert places(store)["claim:9"] == ("claim:1", "certain")


def test_a_released_placeholder_stays_cleared_until_that_is_taken_back(store: Store) -> None:
    token = "0/visit/0"
    store.insert("keys", ("token", "kind"), [(token, "visit")])

    def raised() -> None:
        store.insert(
            "key_collisions", ("token", "why", "kind", "raised_at"), [(token, "blank", "visit", NOW)]
        )

    def is_open() -> bool:
        rows = store.query("SELECT cleared_at FROM key_collisions FINAL WHERE token = '0/visit/0'").rows
        return bool(rows[0][0].year == 2200)

    raised()
    resolver = Resolver(store)
    resolver.step(NOW)
    assert is_open()
    event = decide(store, "release", [token], "k.noor", "a real number here", NOW)
    resolver.step(NOW)
    assert not is_open()
    raised()
    resolver.step(NOW)
    assert not is_open()
    decide(store, "withdraw", event, "k.noor", "it was none", NOW + HOUR)
    resolver.step(NOW)
    assert is_open()
