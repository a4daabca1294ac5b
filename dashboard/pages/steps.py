"""The workflows of an encounter: each instance with its steps, when they are due, and what to do about them.

Called by the encounter page. An encounter with many orders or implants shows those that need somebody and
folds the others away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.components import wild
from dashboard.pages.frame import Frame
from dashboard.pages.identity import MaskedKey
from dashboard.states import state
from slo.workflows.rows import InstanceRow, StepRow

_TROUBLED = ("failed", "overdue", "at_risk")
#: How it stands with what must not happen, before it is too late for that and after.
_AVOIDED = {"met": "did not happen", "pending": "must not happen yet"}
#: So many instances of one workflow are all shown; of more, those that need somebody.
_SHOWN = 3


def workflows(
    frame: Frame, rows: Sequence[InstanceRow], keys: Mapping[str, MaskedKey]
) -> Iterator[Component]:
    """A section for each instance, worst first; `keys` by token."""
    by_workflow = sorted(range(len(rows)), key=lambda n: (_first(rows, rows[n].workflow), n))
    for _, places in groupby(by_workflow, key=lambda n: rows[n].workflow):
        mine = [rows[n] for n in places]
        troubled = [row for row in mine if row.state in _TROUBLED]
        shown = mine if len(mine) <= _SHOWN else troubled
        yield from (_workflow(frame, row, keys) for row in shown)
        folded = [row for row in mine if row not in shown]
        if folded:
            yield html.Details(
                [
                    html.Summary(f"{folded[0].title}: {len(folded)} more, none of them late"),
                    *(_workflow(frame, row, keys) for row in folded),
                ],
                className="more-instances",
            )


def _first(rows: Sequence[InstanceRow], workflow: str) -> int:
    return next(n for n, row in enumerate(rows) if row.workflow == workflow)


def _workflow(frame: Frame, row: InstanceRow, keys: Mapping[str, MaskedKey]) -> Component:
    item = keys.get(row.item)
    parts = [
        row.title,
        (item.name if item else wording.shortened(row.item)) if row.item else "",
        f"occurrence {row.occurrence}" if row.occurrence > 1 else "",
    ]
    facts = [f"owner {row.owner or 'nobody'}"]
    if row.ended_at is not None:
        facts.append(f"over since {frame.moment(row.ended_at)}")
    if row.cost:
        facts.append(f"delay has cost {row.cost:,.0f}")
    return html.Section(
        [
            html.Div(
                [
                    html.H2(" · ".join(part for part in parts if part)),
                    components.badge(row.state),
                    html.Span(
                        ["began ", frame.when(row.started_at), *(f" · {fact}" for fact in facts)],
                        className="muted",
                    ),
                ],
                className="section-head",
            ),
            html.Ol([_step(frame, row, step) for step in row.steps], className="steps"),
        ],
        **wild({"data-state": row.state, "data-workflow": row.workflow}),
    )


def _step(frame: Frame, row: InstanceRow, step: StepRow) -> Component:
    shown = state(step.state)
    words = _words(frame, row, step)
    if step.forbidden and step.state in _AVOIDED:
        # "Met" would read as if it had happened.
        words, said = "", _AVOIDED[step.state]
    else:
        said = shown.word
    if not step.required and step.state != "not_applicable":
        words = f"{words} · optional" if words else "optional"
    in_trouble = step.state in _TROUBLED and step.required
    return html.Li(
        [
            components.mark(step.state),
            html.Div(
                [
                    html.Span(step.name, className="step-name"),
                    html.Span(f"{said}{' · ' if words else ''}{words}", className=f"step-words {shown.tone}"),
                    *(_help(step) if in_trouble else ()),
                ]
            ),
        ],
        className=f"step {shown.tone}",
        title=wording.exact(step.at or step.deadline, frame.zone),
        **wild({"data-step": step.name, "data-state": step.state}),
    )


def _words(frame: Frame, row: InstanceRow, step: StepRow) -> str:
    if step.state in ("met", "met_late") and step.at:
        words = f"{wording.duration((step.at - row.started_at).total_seconds())} after start"
        return words if step.state == "met" else f"{words}, due {frame.moment(step.deadline)}"
    if step.state == "overdue" and step.deadline:
        late = (frame.now - step.deadline).total_seconds()
        return f"due {frame.moment(step.deadline)}, {wording.late(late)}"
    if step.state == "failed":
        if step.reason == "too_early":
            return f"seen {frame.moment(step.at)}, too early"
        reason = ", ".join(part for part in (step.ack_code, wording.phrase(step.reason)) if part)
        return f"refused {frame.moment(step.at)}" + (f" ({reason})" if reason else "")
    if step.state in ("pending", "at_risk"):
        if step.deadline:
            return f"due {frame.moment(step.deadline)}{_chance(step)}"
        return "its time has not begun" if step.since is None and step.required else ""
    return ""


def _chance(step: StepRow) -> str:
    if step.chance is None:
        return ""
    return f" · {step.chance:.0%} of {step.chance_of:,} at this point made it"


def _help(step: StepRow) -> Iterator[Component]:
    if step.severity in ("high", "critical"):
        yield html.Span(f"severity {step.severity}", className="step-help")
    if step.owner:
        yield html.Span(f"owner {step.owner}", className="step-help")
    if step.runbook:
        yield html.A(
            "what to do", href=step.runbook, className="step-help", rel="noreferrer", target="_blank"
        )
