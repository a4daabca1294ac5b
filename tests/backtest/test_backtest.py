"""A draft scored over history: which verdicts change, by which step, and nothing live is touched."""

from __future__ import annotations

from datetime import timedelta

import pytest

from slo.workflows.activate import activate
from slo.workflows.backtest import draft
from slo.workflows.backtest.score import backtest
from slo.workflows.evaluator import Evaluator
from slo.workflows.load import define_text
from tests.backtest.discharges import TEXT
from tests.workflows.traffic import MONDAY, charge, discharge, insert, journal, whole
from tracing.identity import Resolver
from tracing.store import Store

NOW = MONDAY + timedelta(days=8)
LIVE = ("checkpoints", "instances", "open_instances", "workflow_definitions")


@pytest.fixture
def hospital(store: Store) -> Store:
    """Six discharges: three in time, one charged after 20 minutes, one never, one posted after two hours."""
    activate(store, define_text(TEXT, "discharges.yaml"), MONDAY)
    spans = [span for visit in "123" for span in whole(visit)]
    spans += [discharge("4"), charge("4", 20), *whole("4")[2:]]
    spans += [discharge("5"), *whole("5")[2:]]
    spans += [discharge("6"), charge("6", 3), journal("6", 120), *whole("6")[3:]]
    insert(store, spans)
    Resolver(store).step(NOW)
    Evaluator(store).step(NOW)
    return store


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: sorted(store.query(f"SELECT * FROM {table} FINAL").rows, key=repr)
        for table in (*LIVE, "deadline_pieces")
    }


def test_a_longer_deadline_changes_only_those_it_forgives(hospital: Store) -> None:
    before = rows(hospital)
    draft = define_text(TEXT.replace("within: 15m", "within: 30m"), "draft.yaml")
    found = backtest(hospital, draft, NOW, days=30)
    assert [(one.was, one.becomes, one.step, one.how, one.count) for one in found.transitions] == [
        ("completed_late", "completed", "billing ready", "met late -> met", 1)
    ]
    assert found.compared == 6
    assert (found.then.good, found.then.bad) == (3, 3)
    assert (found.now.good, found.now.bad) == (4, 2)
    assert found.words == ("step billing ready: within 30m instead of 15m",)
    assert rows(hospital) == before, "a backtest changes nothing"
    left = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'scratch%'"
    assert hospital.query(left).rows == [(0,)]


def test_the_active_text_itself_changes_nothing(hospital: Store) -> None:
    found = backtest(hospital, define_text(TEXT, "discharges.yaml"), NOW)
    assert (found.changed, found.compared, found.words) == (0, 6, ())
    assert found.verdicts_then == found.verdicts_now


def test_a_step_that_is_new_or_gone_decides(hospital: Store) -> None:
    shorter = TEXT[: TEXT.index("    - name: billing ready")] + TEXT[TEXT.index("    - name: ERP posted") :]
    found = backtest(hospital, define_text(shorter, "draft.yaml"), NOW)
    assert [(one.was, one.becomes, one.step, one.how, one.count) for one in found.transitions] == [
        ("completed_late", "completed", "billing ready", "met late -> no such step", 1),
        ("overdue", "completed", "billing ready", "overdue -> no such step", 1),
    ]
    assert len(found.changes) == 2


def test_what_no_version_started_is_new_and_what_the_draft_does_not_start_is_gone(hospital: Store) -> None:
    draft = define_text(
        TEXT.replace("message: ADT^A03}", "message: DFT^P03, system: billing}", 1).replace(
            "start: {interface: ehr-adt", "start: {interface: billing-adt-dft"
        ),
        "draft.yaml",
    )
    found = backtest(hospital, draft, NOW)
    gone = [one for one in found.changes if one.becomes == ""]
    assert [one.was for one in gone] == ["overdue"]


def test_only_the_days_that_are_asked_for_are_compared(hospital: Store) -> None:
    draft = define_text(TEXT.replace("within: 15m", "within: 30m"), "draft.yaml")
    assert backtest(hospital, draft, NOW, days=7).compared == 0


def test_a_start_that_names_only_an_account_is_no_journey_beside_its_visit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A page of one: the account and the visit it belongs to are never looked at together.
    monkeypatch.setattr(draft, "_PAGE", 1)
    activate(store, define_text(TEXT, "discharges.yaml"), MONDAY)
    insert(store, [span for visit in "12" for span in (discharge("", account=visit), *whole(visit)[1:])])
    Resolver(store).step(NOW)
    Evaluator(store).step(NOW)
    found = backtest(store, define_text(TEXT, "discharges.yaml"), NOW)
    assert (found.compared, found.changed) == (2, 0)
