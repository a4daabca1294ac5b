"""A workflow of implants, and rows of checkpoints and instances as activation and evaluation leave them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from slo.workflows.facts import NEVER
from slo.workflows.reconcile.reference import Occurrence, Sighting
from tracing.store import Store

NOW = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)

#: `{each}` is "for_each: item" or nothing.
WORKFLOW = """\
apiVersion: caretrail/v1
kind: Workflow
metadata: {{name: implants, title: Implants reach inventory and ledger, owner: Supply chain}}
spec:
  journey: case
  {each}
  start: {{interface: ehr-orm, message: ORM^O01}}
  steps:
    - {{name: used, match: {{interface: ehr-orm, message: ORM^O01}}, within: 1h}}
    - {{name: decremented, match: {{destination: inventory}}, within: 24h}}
    - {{name: journal, match: {{destination: erp}}, within: 48h}}
"""


def store_sightings(store: Store, seen: Iterable[Sighting]) -> None:
    """Each as its own checkpoint; a journey is its own token."""
    rows = [
        (
            *("implants", 1, one.step, one.journey, "case", one.at, "accepted", one.span_id, one.journey),
            *(one.facility, dict(one.tags), dict(one.measures), [one.item] if one.item else [], one.identity),
        )
        for one in seen
    ]
    columns = (
        *("workflow", "version", "step", "token", "token_kind", "at", "outcome", "span_id", "trace_id"),
        *("facility", "tags", "measures", "items", "identity"),
    )
    if rows:
        store.insert("checkpoints", columns, rows)


def store_occurrences(store: Store, known: Iterable[Occurrence]) -> None:
    """Each as the evaluator stores its facts; a step is due a minute before or after `NOW`."""
    minute = timedelta(minutes=1)
    rows = [
        (
            *("implants", 1, one.journey, one.item, one.number, "certain", one.facility, one.started_at),
            NOW - minute if one.cancelled else NEVER,
            list(one.steps),
            [int(step.applicable) for step in one.steps.values()],
            [NOW - minute if step.overdue else NOW + minute for step in one.steps.values()],
            [NOW - minute if step.met else NEVER for step in one.steps.values()],
            [NOW - minute if step.refused else NEVER for step in one.steps.values()],
            NOW,
        )
        for one in known
    ]
    columns = (
        *("workflow", "version", "journey", "item", "occurrence", "certainty", "facility", "started_at"),
        *("cancelled_at", "step_names", "step_applicable", "step_deadlines", "step_met_at", "step_failed_at"),
        "evaluated_at",
    )
    if rows:
        store.insert("instances", columns, rows)
