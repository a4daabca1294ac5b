"""A 999 counts for every claim of the transaction set that it answers, whichever of both comes first."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from collector.taps.replay import Observer
from slo.workflows import Evaluator, read
from slo.workflows.activate import activate
from slo.workflows.load import define_text
from slo.workflows.rows import Tile
from tests.taps.world import SITE, interfaces
from tests.workflows.sent import Sent
from tests.workflows.traffic import MONDAY
from tracing.identity import Resolver
from tracing.lineage.read import lineage
from tracing.store import Store

TEXT = """\
apiVersion: caretrail/v1
kind: Workflow
metadata: {name: claims, title: Claims are read, owner: Revenue cycle, criticality: high}
spec:
  journey: visit
  for_each: claim
  start: {interface: claims-out, message: 837}
  steps:
    - {name: file readable, match: {interface: claims-in, message: 999, batch: true}, within: 1h}
"""
WHOLE = TEXT.replace("  for_each: claim\n", "")


def interchange(sender: str, receiver: str, kind: str, group: int, sets: list[str]) -> bytes:
    """An interchange of sets, each its segments between ST and SE."""
    body = "".join(
        f"ST*{kind}*{n:04}*005010X223A2~{text}~SE*{text.count('~') + 3}*{n:04}~"
        for n, text in enumerate(sets, 1)
    )
    code = {"837": "HC", "999": "FA"}[kind]
    return (
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{sender:15}*ZZ*{receiver:15}*260302*1400*^*00501*{group:09}*0*T*:~"
        f"GS*{code}*{sender}*{receiver}*20260302*1400*{group}*X*005010X223A2~{body}"
        f"GE*{len(sets)}*{group}~IEA*1*{group:09}~"
    ).encode()


def claims(group: int, *sets: str) -> bytes:
    """An 837 file; each of `sets` is the claims of a transaction set, by one letter."""
    texts = [
        f"BHT*0019*00*B{group}*20260302*1400*CH~" + "~".join(f"CLM*{one}*100***11:A:1" for one in of)
        for of in sets
    ]
    return interchange("BILLING", "HOUSE", "837", group, texts)


def answers(group: int, *codes: str, own: int = 500) -> bytes:
    """The 999 of a group: IK501 of each set."""
    verdicts = "~".join(f"AK2*837*{n:04}*005010X223A2~IK5*{code}" for n, code in enumerate(codes, 1))
    whole = codes[0] if len(set(codes)) == 1 else "P"
    return interchange(
        "HOUSE", "BILLING", "999", own + group, [f"AK1*HC*{group}~{verdicts}~AK9*{whole}*1*1*1"]
    )


class Site:
    """Files come in, and everything behind them is worked out when asked to."""

    def __init__(self, store: Store, text: str = TEXT) -> None:
        activate(store, define_text(text, "claims.yaml"), MONDAY - timedelta(days=1))
        self.store, self.evaluator, self.resolver = store, Evaluator(store), Resolver(store)
        folders = (
            {
                "name": f"claims-{way}",
                "kind": "folder",
                "path": way,
                "source": source,
                "destination": destination,
            }
            for way, source, destination in (("out", "billing", "house"), ("in", "house", "billing"))
        )
        self.observer = Observer(interfaces(*folders), SITE, Sent(store))

    def file(self, interface: str, data: bytes, minutes: float) -> None:
        at = MONDAY + timedelta(minutes=minutes)
        self.observer.observe_file(interface, f"{minutes}.x12", data, int(at.timestamp() * 1e9))

    def work(self, minutes: float = 30) -> None:
        at = MONDAY + timedelta(minutes=minutes)
        self.resolver.step(at)
        self.evaluator.step(at)

    def tile(self, minutes: float) -> Tile:
        (tile,) = read.tiles(self.store, MONDAY + timedelta(minutes=minutes))
        return tile

    def states(self, minutes: float) -> list[str]:
        now = MONDAY + timedelta(minutes=minutes)
        counts = self.tile(minutes).counts
        found = [state for state in ("failed", "overdue", "on_track") for _ in range(counts[state])]
        done = read.instances(self.store, "claims", now, "completed")
        return sorted([*found, *(row.state for row in done)])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_999_counts_for_every_claim_of_its_set(store: Store, order: tuple[int, ...]) -> None:
    site = Site(store)
    files = [
        ("claims-out", claims(7, "ABC"), 0),
        ("claims-out", claims(8, "D"), 1),
        ("claims-in", answers(7, "A"), 5),
    ]
    for which in order:
        site.file(*files[which])
        site.work()
    assert site.states(30) == ["completed", "completed", "completed", "on_track"]
    assert site.states(90) == ["completed", "completed", "completed", "overdue"]
    row = read.instances(store, "claims", MONDAY + timedelta(minutes=30), "completed")[0]
    journey = read.journey(store, row.journey, MONDAY + timedelta(minutes=30))
    assert journey is not None
    assert [(hop.message, hop.basis == "batch") for hop in journey.hops] == [("837", False), ("999", True)]
    claim, answer = journey.hops
    assert [
        (one.cause, one.effect) for one in lineage(store, journey.trace_ids, {claim.span_id, answer.span_id})
    ] == [(claim.span_id, answer.span_id)]


def test_each_set_has_a_verdict_of_its_own_however_often_it_is_told(store: Store) -> None:
    site = Site(store)
    # Answers to files that nobody saw are nobody's.
    site.file("claims-in", answers(4, "A"), 1)
    site.file("claims-in", answers(5, "A", "R"), 1)
    site.file("claims-out", claims(7, "AB", "C"), 0)
    site.file("claims-in", answers(7, "A", "R"), 5)
    site.work()
    assert site.states(30) == ["completed", "completed", "failed"]
    # What was refused is written again, in a file of another number; the first answers come once more.
    site.file("claims-out", claims(9, "C"), 20)
    site.file("claims-in", answers(7, "A", "R"), 5)
    site.file("claims-in", answers(7, "A", "R", own=600), 21)
    site.work()
    assert site.states(30) == ["completed", "completed", "failed"]
    site.file("claims-in", answers(9, "E"), 25)
    site.work()
    assert site.states(30) == ["completed"] * 3


def test_a_workflow_without_items_hears_of_its_batch_too(store: Store) -> None:
    site = Site(store, WHOLE)
    site.file("claims-in", answers(7, "A"), 5)
    site.file("claims-out", claims(7, "AB"), 0)
    site.work()
    assert site.states(30) == ["completed", "completed"]


def test_a_new_version_finds_what_was_said_before_it(store: Store) -> None:
    site = Site(store)
    site.file("claims-out", claims(7, "AB"), 0)
    site.file("claims-in", answers(7, "A"), 5)
    site.work()
    later = datetime.fromtimestamp(MONDAY.timestamp() + 7200, MONDAY.tzinfo)
    activate(store, define_text(TEXT.replace("1h", "2h"), "claims.yaml"), later)
    site.evaluator.step(later)
    assert site.states(180) == ["completed", "completed"]
