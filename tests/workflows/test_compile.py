"""Compiled SQL against golden files; `CARETRAIL_GOLDEN=write` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slo.workflows.activate import activate, active, in_force
from slo.workflows.checkpoints import view_ddl, view_name
from slo.workflows.compile import Compiled, facts_of
from slo.workflows.load import Definition, define, define_text
from slo.workflows.sql_text import literal
from tests.workflows.conftest import EVERY_WORD, PACKS
from tests.workflows.traffic import MONDAY, discharge, insert, whole
from tracing.store import Store

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["discharge-to-cash", "every-word"])
@pytest.mark.parametrize("what", ["view", "facts"])
def test_sql_is_what_it_was(name: str, what: str) -> None:
    definition = define(PACKS / f"{name}.yaml" if name != "every-word" else EVERY_WORD)
    compiled = Compiled(definition.workflow, 1, definition.calendars)
    sql = view_ddl([compiled]) if what == "view" else facts_of([compiled])
    golden = GOLDEN / f"{name}.{what}.sql"
    if os.environ.get("CARETRAIL_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(sql)
    assert sql == golden.read_text()


def test_a_text_cannot_leave_its_literal(store: Store) -> None:
    for text in ("it's", "back\\slash", "\\'; DROP TABLE spans; --", "{now:String}", "A03\n"):
        assert store.query(f"SELECT {literal(text)}").rows == [(text,)]


def test_names_with_quotes_compile_and_run(store: Store) -> None:
    text = (PACKS / "discharge-to-cash.yaml").read_text()
    odd = text.replace("ERP posted", "\"the ERP's 'posting' \\\\ {x}\"")
    activate(store, odd, MONDAY)
    insert(store, whole("1"))
    (compiled,) = active(store)
    ((names,),) = store.query(f"SELECT step_names FROM ({compiled.facts()})").rows
    assert names[2] == "the ERP's 'posting' \\ {x}"


def test_activating_the_same_text_again_changes_nothing_and_another_text_is_the_next_version(
    store: Store, discharge_pack: Definition
) -> None:
    from slo.workflows import Evaluator, read

    insert(store, [discharge("1")])
    first = activate(store, discharge_pack, MONDAY)
    again = activate(store, discharge_pack, MONDAY)
    assert (first.version, first.changed, again.version, again.changed) == (1, True, 1, False)
    evaluator = Evaluator(store)
    # History was there before the definition: the backfill found it.
    assert evaluator.step(MONDAY) >= 1
    stricter = define_text(discharge_pack.text.replace("within: 15m", "within: 5m"), "stricter.yaml")
    assert activate(store, stricter, MONDAY).version == 2
    views = store.query(
        "SELECT name FROM system.tables WHERE name LIKE 'checkpoints_of%' AND database = currentDatabase()"
    )
    assert views.rows == [(view_name(in_force(store, MONDAY)),)]
    evaluator.step(MONDAY)
    (row,) = read.instances(store, "discharge-to-cash", MONDAY)
    assert (row.steps[1].deadline or MONDAY) - row.started_at == stricter.workflow.spec.steps[
        1
    ].within.longest()
    # A start that matches nothing any more: its instances vanish.
    other = define_text(discharge_pack.text.replace("ADT^A03}", "ADT^A99}", 1), "other.yaml")
    activate(store, other, MONDAY)
    evaluator.step(MONDAY)
    assert read.instances(store, "discharge-to-cash", MONDAY) == []
    assert read.attention(store, MONDAY.replace(year=2027)) == []
