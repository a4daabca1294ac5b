"""What was believed of an encounter's workflows before late truth came.

Called by the encounter page. A verdict that changed after it was closed has to say so: somebody may have
acted on the one before.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard import wording
from dashboard.pages.frame import Frame
from slo.workflows.rows import Change, Difference, Journey


def section(frame: Frame, journey: Journey) -> Component | None:
    """A line for each fact that changed, oldest first; None when nothing did."""
    if not journey.changes:
        return None
    titles = {row.workflow: row.title for row in journey.workflows}
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Learned late"),
                    html.Span("facts that changed after a workflow was closed", className="muted"),
                ],
                className="section-head",
            ),
            html.Ol(
                [
                    _item(frame, change, titles.get(change.workflow, change.workflow))
                    for change in journey.changes
                ],
                className="history",
            ),
        ],
        id="late-truth",
    )


def _item(frame: Frame, change: Change, title: str) -> Component:
    occurrence = f", occurrence {change.occurrence}" if change.occurrence > 1 else ""
    again = "; it waits again" if change.reopened else ""
    return html.Li(
        [
            frame.when(change.at),
            html.Strong(f" {title}{occurrence}{again}: "),
            "; ".join(_words(frame, one) for one in change.differences),
        ],
        title=f"judged before: {wording.exact(change.sealed_at, frame.zone)}",
    )


_HAPPENED = {
    "met_at": "seen",
    "failed_at": "refused",
    "started_at": "began",
    "cancelled_at": "cancelled",
    "deadline": "due",
}


def _words(frame: Frame, one: Difference) -> str:
    if one.fact == "vanished":
        return "there was no such occurrence after all"
    if one.fact == "applies":
        return f"{one.step} {'applies' if one.after else 'does not apply'} after all"
    happened = _HAPPENED[one.fact]
    before, after = (
        f"{happened} {frame.moment(at)}" if at else f"not {happened}" for at in (one.before, one.after)
    )
    return f"{one.step} {after}, before: {before}".strip()
