"""Objectives by remaining error budget: the three numbers that matter, and how fast the budget goes."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.components import wild
from dashboard.pages.frame import Frame, heading
from dashboard.states import severity, state
from slo.objectives import ObjectiveStatus


def view(frame: Frame, statuses: Sequence[ObjectiveStatus]) -> Component:
    """One card an objective, the emptiest budget first."""
    ordered = sorted(
        statuses,
        key=lambda status: (
            severity(status.state),
            status.budget_remaining if status.budget_remaining is not None else 2.0,
        ),
    )
    return html.Div(
        [
            heading(
                "Objectives",
                lead="Good is an encounter that met its deadlines, bad one that never arrived. The budget is "
                "what may go wrong within the window.",
            ),
            *(_card(frame, status) for status in ordered),
            None
            if ordered
            else components.nothing(
                "No objective is defined", "Put an OpenSLO document beside the workflow it is about."
            ),
        ],
        className="objectives",
    )


def _card(frame: Frame, status: ObjectiveStatus) -> Component:
    objective, remaining = status.objective, status.budget_remaining
    days = objective.window.total_seconds() / 86400
    left = "unknown" if remaining is None else wording.percent(remaining).replace("-", "−")
    runs_out: list[components.Part] = (
        ["at this pace it ends ", frame.when(status.exhausted_at)]
        if status.exhausted_at and status.state != "exhausted"
        else []
    )
    burns = [
        html.Tr(
            [
                html.Td(burn.window.severity),
                html.Td(f"{wording.duration(burn.window.long.total_seconds())} and "
                        f"{wording.duration(burn.window.short.total_seconds())}"),
                html.Td(_times(burn.long_rate), className="number"),
                html.Td(_times(burn.short_rate), className="number"),
                html.Td(_times(burn.window.factor), className="number"),
                html.Td(components.badge("burning" if burn.firing else "healthy")),
            ]
        )
        for burn in status.burns
    ]  # fmt: skip
    return html.Article(
        [
            html.Header(
                [
                    components.badge(status.state),
                    html.H2(objective.title or objective.name),
                    html.Span(
                        f"{objective.workflow}{' · ' + objective.step if objective.step else ''}",
                        className="muted",
                    ),
                ]
            ),
            html.Div(
                [
                    _number("Objective", wording.percent(objective.target, 2), f"over {days:.0f} days"),
                    _number(
                        "In time",
                        wording.percent(status.rate, 2),
                        f"{wording.count(status.tally.good)} of {wording.count(status.tally.total)}",
                    ),
                    _number(
                        "Budget left",
                        left,
                        [
                            f"of {status.budget_events:.1f} encounters",
                            *([" · "] if runs_out else []),
                            *runs_out,
                        ],
                        state(status.state).tone,
                    ),
                ],
                className="facts",
            ),
            _budget(remaining, status.state),
            html.P(status.reason, className="muted"),
            html.Details(
                [
                    html.Summary("How fast it burns"),
                    html.Table(
                        [
                            html.Thead(
                                html.Tr(
                                    [
                                        html.Th(word, scope="col")
                                        for word in (
                                            "Alert",
                                            "Windows",
                                            "Long",
                                            "Short",
                                            "Alerts above",
                                            "State",
                                        )
                                    ]
                                )
                            ),
                            html.Tbody(burns),
                        ]
                    ),
                ],
                className="more",
            )
            if burns
            else None,
        ],
        className=f"tile objective {state(status.state).tone}",
        **wild({"data-objective": objective.name, "data-state": status.state}),
    )


def _times(rate: float | None) -> str:
    return wording.ABSENT if rate is None else f"{rate:.1f}×"


def _number(label: str, value: str, more: components.Child, tone: str = "") -> Component:
    return html.Div(
        [
            html.Span(label, className="label"),
            html.Span(value, className=f"value {tone}".strip()),
            html.Span(more, className="more"),
        ],
        className="fact",
    )


def _budget(remaining: float | None, code: str) -> Component:
    # Overspent is drawn full in its colour: an empty bar would look like nothing to see.
    share = 1.0 if remaining is not None and remaining <= 0 else min(remaining or 0.0, 1.0)
    title = "budget left: " + ("unknown" if remaining is None else wording.percent(remaining))
    return components.Drawing(
        [
            "svg",
            {"className": "bar tall", "viewBox": "0 0 1000 10", "preserveAspectRatio": "none", "role": "img"},
            ["title", {}, title],
            ["rect", {"x": 0, "y": 0, "width": 1000, "height": 10, "className": "ground"}],
            [
                "rect",
                {
                    "x": 0,
                    "y": 0,
                    "width": round(1000 * share, 1),
                    "height": 10,
                    "className": state(code).tone,
                },
            ],
        ]
    )
