"""Monday, eight o'clock: are discharges turning into bills in time, is it better, what made it worse, can
I trust it.

Six numbers a workflow, each with its trend, target, sentence and definition; then what moved. Aggregates
only. Prints on one page.
"""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.components import wild
from dashboard.pages.frame import Frame, heading
from slo.kpis import Figure, Mover, WorkflowKpi

_DIRECTIONS = {
    "better": ("↗", "better", "good"),
    "worse": ("↘", "worse", "bad"),
    "same": ("→", "same", "quiet"),
    "unknown": ("", "nothing to compare with", "unknown"),
}

CSV_COLUMNS = ("workflow", "number", "unit", "value", "previous", "target", "encounters", "definition")


def view(frame: Frame, kpis: Sequence[WorkflowKpi]) -> Component:
    """One section a workflow, or what has to happen before there are numbers."""
    return html.Div(
        [
            heading(
                _question(kpis),
                html.A("Download CSV", href="/export/executive.csv", className="button"),
                html.Button("Print", className="button", **wild({"data-print": "1"})),
                lead=_period(frame, kpis),
            ),
            *(_workflow(frame, kpi) for kpi in kpis),
            None
            if kpis
            else components.nothing(
                "No numbers yet",
                "Numbers appear with the first encounter whose deadline has passed or was met.",
            ),
        ],
        className="executive",
    )


def _question(kpis: Sequence[WorkflowKpi]) -> str:
    """The question of the page: of the one workflow there is, or of all."""
    if [kpi.workflow for kpi in kpis] == ["discharge-to-cash"]:
        return "Are discharges turning into bills in time?"
    return "Does what happens reach where it has to, in time?"


def _period(frame: Frame, kpis: Sequence[WorkflowKpi]) -> str:
    if not kpis:
        return ""
    first, last = (at.astimezone(frame.zone) for at in (kpis[0].since, kpis[0].until))
    days = max(1, round((kpis[0].until - kpis[0].since).total_seconds() / 86400))
    return (
        f"{frame.site} · {first.day} {first:%b} to {last.day} {last:%b %Y}, "
        f"compared with the {days} days before · times in {frame.zone_name}"
    )


def amount(figure: Figure, value: float | None) -> str:
    """A figure's value in its own unit."""
    if figure.unit == "ratio":
        return wording.percent(value)
    if figure.unit == "seconds":
        return "none" if value == 0 else wording.duration(value)
    return wording.count(value)


def _workflow(frame: Frame, kpi: WorkflowKpi) -> Component:
    return html.Section(
        [
            html.Div(
                [html.H2(kpi.title), html.Span(f"owner {kpi.owner or 'nobody'}", className="muted")],
                className="section-head",
            ),
            html.Div(
                [_figure(kpi, figure, index == 0) for index, figure in enumerate(kpi.figures)],
                className="figures",
            ),
            html.Div([_movers(kpi), _incidents(frame, kpi)], className="why"),
        ],
        className="kpi",
        **wild({"data-workflow": kpi.workflow}),
    )


def _figure(kpi: WorkflowKpi, figure: Figure, first: bool) -> Component:
    arrow, word, tone = _DIRECTIONS[figure.direction]
    values = [point.value for point in figure.trend]
    target = f"target {amount(figure, figure.target)}" if figure.target is not None else ""
    missed = figure.on_target is False
    return html.Article(
        [
            html.Div(
                [html.H3(figure.title), components.definition(figure.title, _meaning(figure), "executive")],
                className="figure-head",
            ),
            html.Div(
                [
                    html.Span(components.sized(amount(figure, figure.value)), className="figure-value"),
                    html.Span(
                        [
                            html.Span(f"{arrow} {word}".strip(), className=f"direction {tone}"),
                            html.Span(
                                f" from {amount(figure, figure.previous)}"
                                if figure.previous is not None
                                else ""
                            ),
                        ],
                        className="change",
                    ),
                ],
                className="figure-main",
            ),
            _trend(figure, values),
            html.P(
                [
                    html.Span(
                        [components.mark("at_risk"), " target missed"] if missed else "", className="missed"
                    )
                    if missed
                    else None,
                    " · ".join(part for part in (target, wording.plural(figure.count, "encounter")) if part),
                ],
                className="muted basis",
            ),
            html.P(components.sentence(figure.sentence), className="sentence"),
            components.link(
                "the encounters behind it", f"/exceptions?workflow={kpi.workflow}", className="behind"
            ),
        ],
        className="figure first" if first else "figure",
        **wild({"data-figure": figure.name}),
    )


def _meaning(figure: Figure) -> list[Component]:
    return [
        html.P(figure.definition.plain),
        html.P([html.Span("Formula ", className="label"), html.Code(figure.definition.formula)]),
        html.P([html.Span("Counted by ", className="label"), html.Code(f"slo/kpis/{figure.definition.sql}")]),
    ]


def _trend(figure: Figure, values: list[float | None]) -> Component:
    """The trend line; times and counts are drawn as shares of their own largest day, from zero."""
    known = [value for value in values if value is not None]
    title = f"{figure.title}, day by day: latest {amount(figure, known[-1] if known else None)}"
    if figure.unit != "ratio":
        top = max(known, default=0.0) or 1.0
        values = [None if value is None else value / top for value in values]
        return components.sparkline(values, title, low=0.0)
    return components.sparkline(values, title)


def _movers(kpi: WorkflowKpi) -> Component:
    return html.Div(
        [
            html.Div(
                [
                    html.H3("What got better and worse"),
                    components.definition(
                        "better and worse", [html.P(kpi.movers_definition.plain)], "executive"
                    ),
                ],
                className="figure-head",
            ),
            html.Ul([_mover(mover) for mover in kpi.movers], className="movers")
            if kpi.movers
            else html.P("Nothing moved by more than chance explains.", className="muted"),
        ]
    )


def _mover(mover: Mover) -> Component:
    arrow, word, tone = _DIRECTIONS[mover.direction]
    return html.Li(
        [html.Span(f"{arrow} {word}", className=f"direction {tone}"), html.Span(mover.sentence)],
        **wild({"data-direction": mover.direction}),
    )


def _incidents(frame: Frame, kpi: WorkflowKpi) -> Component:
    items = [
        html.Li(
            [
                frame.when(incident.first),
                html.Span(
                    f"{wording.duration(incident.seconds)} · "
                    f"{wording.plural(incident.affected, 'encounter')} · most at {incident.step}"
                ),
            ]
        )
        for incident in sorted(kpi.incident_list, key=lambda incident: incident.affected, reverse=True)[:5]
    ]
    return html.Div(
        [
            html.H3("Largest incidents"),
            html.Ul(items, className="incidents")
            if items
            else html.P("None in this period.", className="muted"),
        ]
    )


def csv_rows(kpis: Sequence[WorkflowKpi]) -> list[tuple[str, ...]]:
    """Header and a row per number, in the number's own unit."""
    return [
        CSV_COLUMNS,
        *(
            (
                kpi.workflow,
                figure.name,
                figure.unit,
                "" if figure.value is None else f"{figure.value:.6g}",
                "" if figure.previous is None else f"{figure.previous:.6g}",
                "" if figure.target is None else f"{figure.target:.6g}",
                str(figure.count),
                figure.definition.plain,
            )
            for kpi in kpis
            for figure in kpi.figures
        ),
    ]
