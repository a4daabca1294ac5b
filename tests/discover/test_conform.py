"""The ways in which discharges leave their workflow, counted, with journeys to look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from slo.workflows.activate import activate
from slo.workflows.discover.conform import conform
from slo.workflows.evaluator import Evaluator
from slo.workflows.load import define_text
from slo.workflows.reconcile.report import UnknownWorkflow
from tests.backtest.discharges import TEXT
from tests.workflows.traffic import MONDAY, charge, discharge, insert, journal, token_of, whole
from tracing.identity import Resolver
from tracing.store import Store

NOW = MONDAY + timedelta(days=8)
# The journal waits for the charge, so that one before it is out of order.
WAITS = TEXT.replace("      within: 60m", "      within: 60m\n      after: billing ready")


def test_deviations_are_counted_with_their_journeys(store: Store) -> None:
    activate(store, define_text(WAITS, "discharge-to-cash.yaml"), MONDAY)
    spans = [span for visit in "12345" for span in whole(visit)]
    spans += [discharge("6"), charge("6", 20), *whole("6")[2:]]  # late
    spans += [discharge("7"), *whole("7")[2:]]  # missing, and the journal without it
    spans += [*whole("8"), charge("8", 5)]  # repeated
    spans += [*whole("9"), charge("9", -5)]  # before the start, and again after it
    spans += [discharge("10"), journal("10", 2), charge("10", 8), whole("10")[3]]  # out of order
    spans += [journal("11", 5)]  # without a start
    spans += [discharge("12"), charge("12", 3), journal("12", 9, outcome="rejected"), whole("12")[3]]
    spans += [replace(one, seen=replace(one.seen, message="ADT^A08")) for one in (discharge("1", 5),)]
    insert(store, [*spans, *spans[::4]])
    Resolver(store).step(NOW)
    Evaluator(store).step(NOW)

    found = conform(store, "discharge-to-cash", NOW, days=30)
    visit = {number: token_of(f"visit:{number}") for number in range(1, 13)}
    told = {(one.kind, one.step): (one.count, one.examples) for one in found.deviations}
    assert told == {
        ("late", "billing ready"): (1, (visit[6],)),
        ("missing", "billing ready"): (1, (visit[7],)),
        ("repeated", "billing ready"): (2, tuple(sorted((visit[8], visit[9])))),
        ("before the start", "billing ready"): (1, (visit[9],)),
        ("out of order", "ERP posted"): (2, tuple(sorted((visit[7], visit[10])))),
        ("without a start", "ERP posted"): (1, (token_of("account:11"),)),
        ("refused", "ERP posted"): (1, (visit[12],)),
        ("unexpected message", "ADT^A08@ehr-adt"): (1, (visit[1],)),
    }
    assert (found.began, found.kinds) == (11, 8)
    assert (found.good, found.decided) == (8, 11)
    first = found.deviations[0]
    assert (first.count, first.sentence[: len(first.step)]) == (2, first.step)


def test_a_workflow_that_is_not_active_is_said_so(store: Store) -> None:
    with pytest.raises(UnknownWorkflow, match="no active workflow 'nothing'"):
        conform(store, "nothing", NOW)
