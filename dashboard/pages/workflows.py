"""A workflow as its author and its readers see it: in words, as text, its versions, and how it is followed.

Called by `dashboard.places`, for those whose work workflows are. Deviations look over weeks of history and
are asked for only when somebody wants them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.components import wild
from dashboard.pages.frame import Frame, chips, heading
from dashboard.workbench import Version
from slo.workflows.discover.conform import Conformance

DAYS = 30
_SEVERE = frozenset({"missing", "refused", "forbidden"})


@dataclass(frozen=True, slots=True)
class Known:
    """names: (name, title) of the active workflows. words: what the newest version means, by sentence."""

    names: Sequence[tuple[str, str]]
    chosen: str
    versions: Sequence[Version]
    words: Sequence[str]
    conformance: Conformance | None = None


def view(frame: Frame, known: Known) -> Component:
    """The chosen workflow, or how to write a first one."""
    if not known.versions:
        return html.Div(
            [
                heading("Workflows"),
                components.nothing(
                    "No workflow is active",
                    "caretrail workflow discover proposes one from what happened; docs/workflows says how to "
                    "write one.",
                ),
            ]
        )
    title = next((title for name, title in known.names if name == known.chosen), known.chosen)
    newest = known.versions[0]
    return html.Div(
        [
            heading(title, lead=f"{known.chosen}, version {newest.version} · times in {frame.zone_name}"),
            html.Div(
                [chips(frame.asked(workflow=known.chosen), "workflow", "Workflow", list(known.names))],
                className="filters",
            )
            if len(known.names) > 1
            else None,
            html.Section([html.H2("What it means"), html.Ul([html.Li(line) for line in known.words])]),
            html.Section([html.H2("How it is followed"), *_followed(frame, known)]),
            html.Section([html.H2("Versions"), *(_version(frame, one) for one in known.versions)]),
        ],
        className="workflows",
    )


def _followed(frame: Frame, known: Known) -> list[Component]:
    found = known.conformance
    if found is None:
        more = frame.with_query(workflow=known.chosen, deviations="1")
        words = f"Deviations of the last {DAYS} days are looked for when you ask; it may take a while."
        button = components.link("Look for deviations", more, className="button")
        return [html.P(words, className="muted"), html.P(button, className="actions")]
    share = wording.percent(found.good / found.decided) if found.decided else wording.ABSENT
    lead = html.P(
        [
            f"{wording.plural(found.began, 'occurrence')} began in {DAYS} days; ",
            html.Strong(share),
            f" of the {wording.count(found.decided)} decided ones kept every deadline.",
        ]
    )
    if not found.deviations:
        return [
            lead,
            components.nothing("Nothing left the workflow", "Every message came as written.", "on_track"),
        ]
    heads = (("How", ""), ("What", ""), ("Times", "number"), ("For example", ""))
    table = html.Table(
        [
            html.Thead(html.Tr([html.Th(word, className=kind or None, scope="col") for word, kind in heads])),
            html.Tbody(
                [
                    html.Tr(
                        [
                            html.Th(
                                [
                                    components.mark("overdue" if one.kind in _SEVERE else "at_risk"),
                                    f" {one.kind}",
                                ],
                                scope="row",
                            ),
                            html.Td(one.sentence, **wild({"data-label": "What"})),
                            html.Td(
                                wording.count(one.count),
                                className="number",
                                **wild({"data-label": "Times"}),
                            ),
                            html.Td(
                                html.Span(
                                    [
                                        components.link(wording.shortened(journey), f"/encounter/{journey}")
                                        for journey in one.examples
                                    ],
                                    className="examples",
                                ),
                                **wild({"data-label": "For example"}),
                            ),
                        ],
                        **wild({"data-deviation": one.kind}),
                    )
                    for one in found.deviations
                ]
            ),
        ],
        className="cards",
    )
    rarer = found.kinds - len(found.deviations)
    rest = [html.P(f"{wording.plural(rarer, 'rarer kind')} not shown.", className="muted")] if rarer else []
    return [lead, table, *rest]


def _version(frame: Frame, one: Version) -> Component:
    begins = "the beginning" if one.valid_from.year == 1970 else frame.when(one.valid_from)
    return html.Details(
        [
            html.Summary(
                [
                    html.Strong(f"version {one.version}"),
                    html.Span("active" if one.active else "retired", className="muted"),
                    html.Span(["judges what starts from ", begins], className="muted"),
                    html.Span(["activated ", frame.when(one.activated_at)], className="muted"),
                ]
            ),
            html.Pre(one.yaml, tabIndex=0),
        ],
        className="more",
    )
