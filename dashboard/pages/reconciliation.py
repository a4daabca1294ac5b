"""What every step of a workflow counted, side by side: EHR says 12 implants, inventory says 11; which one?

Called by `dashboard.places` and, for its CSV, by `dashboard.export`. Executives see sums; whose they are is
for operations. Cases that still have time are said apart: they are no difference yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.components import wild
from dashboard.pages.frame import Frame, chips, heading
from dashboard.pages.identity import MaskedKey
from dashboard.workbench import Reconciled
from slo.workflows.reconcile.model import DAY, FACILITY, ITEM
from slo.workflows.reconcile.rows import BAD, GROUP_STATES, Difference, Group, Report, Said

DAYS = (("", "7 days"), ("1", "today"), ("30", "30 days"), ("90", "90 days"))
LIMIT = 100
_GROUPS = {DAY: "day", FACILITY: "facility", ITEM: "item"}
CSV_COLUMNS = (
    "workflow", "measure", "group", "currency", "state", "step", "messages", "value", "difference", "cases",
    "still_in_time", "differing",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """What the page shows: the workflows there are to choose from, and the reports of the chosen one."""

    workflows: Sequence[Reconciled]
    chosen: Reconciled | None
    reports: Sequence[Report]
    problem: str = ""


def asked(
    query: Mapping[str, str], workflows: Sequence[Reconciled]
) -> tuple[Reconciled | None, int, list[str]]:
    """The workflow, the days and the groups an address asks for; what makes no sense is left out."""
    chosen = next((one for one in workflows if one.name == query.get("workflow")), None)
    days = int(text) if (text := query.get("days", "")).isdigit() and 1 <= int(text) <= 400 else 7
    by = [name for name in query.get("by", "").split(",") if name]
    return chosen or next(iter(workflows), None), days, by[:4]


def view(frame: Frame, known: Known, masked: Mapping[str, MaskedKey], named: bool) -> Component:
    """One section a rule. named: with the cases, not only sums."""
    if known.chosen is None:
        return html.Div([heading("Reconciliation"), _none()])
    chosen, reports = known.chosen, known.reports
    query = "&".join(f"{name}={value}" for name, value in frame.query.items() if name in ("days", "by"))
    download = f"/export/reconciliation.csv?workflow={chosen.name}" + (f"&{query}" if query else "")
    return html.Div(
        [
            heading(
                headline(reports) or chosen.title,
                html.A("Download CSV", href=download, className="button"),
                html.Button("Print", className="button", **wild({"data-print": "1"})),
                lead=f"{chosen.title} · {_span(frame, reports)}",
            ),
            html.Div(_choices(frame, known), className="filters"),
            components.nothing("This cannot be compared", known.problem) if known.problem else None,
            *(_section(frame, report, masked, named) for report in reports),
        ],
        className="reconciliation",
    )


def headline(reports: Sequence[Report]) -> str:
    """The answer in one sentence: the worst rule first."""
    told = [report for report in reports if report.groups]
    if not told:
        return ""
    report = min(told, key=lambda report: GROUP_STATES.index(report.state))
    if report.state not in BAD:
        return f"The counts agree: {report.measure} along {wording.count(len(report.steps))} steps"
    apart = {group.currency for group in report.groups if group.state in BAD}
    # Most of the money first: what names no currency is mostly a few cases.
    currency, _, values = max(
        (total for total in report.totals if total[0] in apart), key=lambda total: sum(total[1])
    )
    said = ", ".join(
        f"{step} says {amount(value, currency)}" for step, value in zip(report.steps, values, strict=True)
    )
    return f"{said[:1].upper()}{said[1:]}"


def amount(value: float, currency: str) -> str:
    """`1 204`, `1 204.55 USD`."""
    whole = abs(value - round(value)) < 5e-7
    text = wording.count(round(value)) if whole else f"{value:,.2f}".replace(",", "\u202f")
    return f"{text}{wording.NBSP}{currency}" if currency else text


def _span(frame: Frame, reports: Sequence[Report]) -> str:
    if not reports:
        return ""
    since = reports[0].since.astimezone(frame.zone)
    return f"what began since {since:%a} {since.day} {since:%b}, days in {frame.zone_name}"


def _choices(frame: Frame, known: Known) -> list[Component]:
    assert known.chosen is not None
    groups = dict.fromkeys((*known.chosen.groups, DAY, FACILITY, ITEM))
    options = [("", "as the rule says"), *((name, _group_name(name)) for name in groups)]
    names = [(one.name, one.title) for one in known.workflows]
    return [
        *(
            [chips(frame.asked(workflow=known.chosen.name), "workflow", "Workflow", names)]
            if len(names) > 1
            else []
        ),
        chips(frame, "days", "Time", list(DAYS)),
        chips(frame, "by", "By", options),
    ]


def _group_name(name: str) -> str:
    return _GROUPS.get(name, wording.phrase(name))


def _section(frame: Frame, report: Report, masked: Mapping[str, MaskedKey], named: bool) -> Component:
    title = f"{wording.phrase(report.measure).capitalize()}: {' = '.join(report.steps)}"
    parts: list[Component] = [
        html.Div(
            [html.H2(title), components.badge(report.state if report.groups else "unknown")],
            className="section-head",
        ),
        html.P(_summary(report), className="muted"),
    ]
    if not report.groups:
        parts.append(
            components.nothing(
                "Nothing was counted in this time", "The first message of any of these steps makes it appear."
            )
        )
        return _wrapped(report, parts)
    parts.append(_table(report, masked))
    if report.differing and not named:
        one = report.differing == 1
        told = f"{wording.plural(report.differing, 'case')} {'makes' if one else 'make'} the difference"
        parts.append(html.P(f"{told}; operations can name {'it' if one else 'them'}.", className="muted"))
    elif report.differing:
        parts.append(_who(frame, report, masked))
    return _wrapped(report, parts)


def _wrapped(report: Report, parts: list[Component]) -> Component:
    return html.Section(parts, **wild({"data-measure": report.measure, "data-state": report.state}))


def _summary(report: Report) -> str:
    waiting = sum(group.waiting for group in report.groups)
    cancelled = sum(group.cancelled for group in report.groups)
    exempt = sum(group.exempt for group in report.groups)
    silent = sum(sum(group.unmeasured) for group in report.groups)
    parts = [
        f"Tolerance {report.tolerance}",
        f"owner {report.owner or 'nobody'}",
        f"{wording.plural(waiting, 'case')} still in time" if waiting else "",
        f"{wording.count(cancelled)} cancelled" if cancelled else "",
        f"{wording.count(exempt)} do not need every step" if exempt else "",
        f"{wording.plural(silent, 'message')} did not say the {wording.phrase(report.measure)}"
        if silent
        else "",
    ]
    return " · ".join(part for part in parts if part)


def _table(report: Report, masked: Mapping[str, MaskedKey]) -> Component:
    heads = [
        (" · ".join(_group_name(name) for name in report.by).capitalize() or "All", ""),
        *((step, "number") for step in report.steps),
        ("Apart", "number"),
        ("State", ""),
        ("Cases", "number"),
    ]
    rows = sorted(report.groups, key=lambda group: group.keys)
    if DAY in report.by:
        rows.reverse()
    is_money = any(group.currency for group in rows)
    return html.Table(
        [
            html.Thead(html.Tr([html.Th(word, className=kind or None, scope="col") for word, kind in heads])),
            html.Tbody([_row(report, group, masked, is_money) for group in rows]),
        ],
        className="cards",
    )


def _row(report: Report, group: Group, masked: Mapping[str, MaskedKey], is_money: bool) -> Component:
    tone = "bad" if group.state in BAD else ""
    parts = [_key(by, key, masked) for by, key in zip(report.by, group.keys, strict=True)]
    if is_money and not group.currency:
        parts.append("no currency named")
    name = " · ".join(parts)
    apart = "" if group.state == "agrees" else amount(group.net or group.gross, group.currency)
    cases = wording.count(group.settled)
    if group.waiting:
        cases += f" + {wording.count(group.waiting)} in time"
    return html.Tr(
        [
            html.Th(html.Strong(name), scope="row"),
            *(
                html.Td(
                    amount(value, group.currency),
                    className=f"number {tone if value != group.values[0] else ''}".strip(),
                    title=wording.plural(count, "message"),
                    **wild({"data-label": step}),
                )
                for step, value, count in zip(report.steps, group.values, group.counts, strict=True)
            ),
            html.Td(
                apart or wording.ABSENT, className=f"number {tone}".strip(), **wild({"data-label": "Apart"})
            ),
            html.Td(components.badge(group.state), **wild({"data-label": "State"})),
            html.Td(cases, className="number", **wild({"data-label": "Cases"})),
        ],
        **wild({"data-group": name, "data-state": group.state}),
    )


def _key(by: str, key: str, masked: Mapping[str, MaskedKey]) -> str:
    if not key:
        return f"no {_group_name(by)}"
    return (masked[key].name if key in masked else wording.shortened(key)) if by == ITEM else key


def _who(frame: Frame, report: Report, masked: Mapping[str, MaskedKey]) -> Component:
    more = report.differing - len(report.differences)
    return html.Div(
        [
            html.H3(f"Who makes the difference: {wording.plural(report.differing, 'case')}"),
            html.Ul([_case(frame, one, masked) for one in report.differences], className="cases"),
            html.P(f"{wording.plural(more, 'more case')} not shown.", className="muted")
            if more > 0
            else None,
        ],
        className="who",
    )


def _case(frame: Frame, one: Difference, masked: Mapping[str, MaskedKey]) -> Component:
    key = masked.get(one.item) or masked.get(one.journey)
    name = key.name if key else wording.shortened(one.item or one.journey)
    began = "never started, seen " if one.occurrence == 0 else "began "
    return html.Li(
        components.link(
            [
                html.Span(name, className="row-id"),
                html.Span(
                    [_said(said, one.currency) for said in one.said],
                    className="said",
                ),
                html.Span([began, frame.when(one.began)], className="muted"),
            ],
            href=f"/encounter/{one.journey}",
            className="row",
            **wild({"data-row": "1", "data-case": one.journey}),
        ),
        **wild({"data-key": f"{one.journey}/{one.item}/{one.occurrence}/{' '.join(one.keys)}"}),
    )


def _said(said: Said, currency: str) -> Component:
    code = "failed" if said.why == "refused" else "overdue" if said.why else "met"
    words = f" {said.why}" if said.why else ""
    value = amount(said.value, currency) if said.count else wording.ABSENT
    return html.Span(
        [components.mark(code), f" {said.step} ", html.Strong(value), html.Span(words, className="why-not")],
        title=wording.plural(said.count, "message"),
    )


def _none() -> Component:
    return components.nothing(
        "No workflow says what must agree",
        "Add `reconcile` to a workflow file: - {measure: quantity, steps: [used, decremented], by: day}",
    )


def csv_rows(reports: Sequence[Report]) -> list[tuple[str, ...]]:
    """Header and a row for each group and step; sums only, so that everybody may have it."""
    rows: list[tuple[str, ...]] = [CSV_COLUMNS]
    for report in reports:
        for group in report.groups:
            for step, count, value in zip(report.steps, group.counts, group.values, strict=True):
                rows.append(
                    (
                        report.workflow,
                        report.measure,
                        " ".join(group.keys),
                        group.currency,
                        group.state,
                        step,
                        str(count),
                        f"{value:.6f}".rstrip("0").rstrip("."),
                        f"{value - group.values[0]:.6f}".rstrip("0").rstrip("."),
                        str(group.settled),
                        str(group.waiting),
                        str(group.differing),
                    )
                )
    return rows
