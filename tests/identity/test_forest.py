"""The rule of journeys, one story a test."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from tracing.identity import Link, Place, resolve

MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)


def link(one: str, other: str) -> Link:
    """`visit:V1` and so on: the kind stands before the colon."""
    return Link(one, one.partition(":")[0], other, other.partition(":")[0])


def test_an_account_belongs_to_the_visit_it_was_seen_with() -> None:
    places = resolve([link("visit:1", "account:1")], {})
    assert places == {
        "visit:1": Place("visit", "visit:1", "certain"),
        "account:1": Place("account", "visit:1", "certain"),
    }


def test_a_chain_of_any_length_leads_to_the_visit() -> None:
    chain = ["journal:1", "purchase_order:1", "case:1", "visit:1"]
    places = resolve([link(*pair) for pair in itertools.pairwise(chain)], {})
    assert {place.journey for place in places.values()} == {"visit:1"}
    assert {place.certainty for place in places.values()} == {"certain"}


def test_without_a_visit_the_best_key_is_the_root() -> None:
    places = resolve([link("claim:1", "account:1"), link("claim:1", "order:1")], {})
    assert {place.journey for place in places.values()} == {"account:1"}


def test_an_account_of_two_visits_joins_neither_and_is_probably_the_later() -> None:
    links = [link("account:1", "visit:1"), link("account:1", "visit:2"), link("claim:1", "account:1")]
    places = resolve(links, {"visit:1": MORNING + timedelta(hours=1), "visit:2": MORNING})
    assert places["visit:1"].journey == "visit:1"
    assert places["visit:2"].journey == "visit:2"
    assert places["account:1"] == Place("account", "visit:1", "probable")
    assert places["claim:1"] == Place("claim", "visit:1", "probable")


def test_the_source_of_an_account_has_the_last_word_on_its_visit() -> None:
    links = [link("account:1", "visit:1"), link("account:1", "visit:2")]
    later = MORNING + timedelta(hours=1)
    named = {("account:1", "visit:1"): MORNING}
    places = resolve(links, {"visit:1": MORNING, "visit:2": later}, named)
    assert places["account:1"] == Place("account", "visit:1", "probable")


def test_a_medical_record_number_joins_nothing() -> None:
    places = resolve([link("visit:1", "mrn:1"), link("visit:2", "mrn:1"), link("account:1", "visit:1")], {})
    assert set(places) == {"visit:1", "account:1"}


def test_an_order_shared_by_the_accounts_of_two_visits_leaves_the_accounts_certain() -> None:
    links = [
        link("account:1", "visit:1"),
        link("account:2", "visit:2"),
        link("order:1", "account:1"),
        link("order:1", "account:2"),
    ]
    places = resolve(links, {"visit:2": MORNING})
    assert places["account:1"] == Place("account", "visit:1", "certain")
    assert places["account:2"] == Place("account", "visit:2", "certain")
    assert places["order:1"] == Place("order", "visit:2", "probable")
