"""What the integration team looks at: is everything that must run running, what is defined, who looked at
whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.audit import Look
from dashboard.components import wild
from dashboard.pages import collisions
from dashboard.pages.frame import Frame, heading
from dashboard.source import Definition
from tracing.identity.read import Collision

_ACTIONS = {
    "view_encounter": "saw encounter", "search": "searched", "export": "downloaded", "list": "listed",
    "list_collisions": "saw key collisions", "list_reconciliation": "saw who differs",
    "list_deviations": "saw who deviates",
    "withdraw": "took back", "same": "said: the same",
    "different": "kept apart", "release": "released", "activate": "activated workflow",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor.  state: ok, warning, failed or unknown; advice: what to do, empty when fine."""

    name: str
    state: str
    detail: str
    advice: str = ""


_CHECK_STATES = {"ok": "on_track", "warning": "at_risk", "failed": "failed"}
_AWAY = [components.nothing("The store does not answer", "This part comes back by itself when it does.")]
_CHECK_WORDS = {"ok": "fine", "warning": "look at this", "failed": "broken"}


def view(
    frame: Frame,
    checks: Sequence[Check],
    definitions: Sequence[Definition] | None,
    looks: Sequence[Look] | None,
    doubts: Sequence[Collision] | None = (),
) -> Component:
    """Four parts; the doctor's come from the process that runs the dashboard. None: the store is away."""
    return html.Div(
        [
            heading(
                "Administration", lead=f"Health, definitions and who looked · times in {frame.zone_name}"
            ),
            html.Section([html.H2("Health"), _doctor(checks)]),
            html.Section(
                [html.H2("Workflows"), *(_AWAY if definitions is None else _definitions(frame, definitions))]
            ),
            html.Section(
                [
                    html.H2("Key collisions"),
                    *(_AWAY if doubts is None else [collisions.summary(frame, doubts)]),
                ]
            ),
            html.Section([html.H2("Who looked"), *(_AWAY if looks is None else [_looks(frame, looks)])]),
        ],
        className="admin",
    )


def _doctor(checks: Sequence[Check]) -> Component:
    if not checks:
        return components.nothing(
            "Nothing reports here",
            "This dashboard runs alone; ask caretrail doctor on the machine of the collector.",
        )
    return html.Ul([_check(check) for check in checks], className="checks")


def _check(check: Check) -> Component:
    code = _CHECK_STATES.get(check.state, "unknown")
    return html.Li(
        [
            components.mark(code),
            html.Div(
                [
                    html.Strong(check.name),
                    html.Span(f" {_CHECK_WORDS.get(check.state, 'unknown')}", className="muted"),
                    html.P(check.detail),
                    html.P(check.advice, className="muted") if check.advice else None,
                ]
            ),
        ],
        **wild({"data-check": check.name, "data-state": check.state}),
    )


def _definitions(frame: Frame, definitions: Sequence[Definition]) -> list[Component]:
    if not definitions:
        return [
            components.nothing("No workflow is defined", "Put a YAML file into workflows/ and start again.")
        ]
    return [
        html.Details(
            [
                html.Summary(
                    [
                        html.Strong(definition.name),
                        html.Span(f"version {definition.version}"),
                        html.Span("active" if definition.active else "retired", className="muted"),
                        html.Span(["since ", frame.when(definition.activated_at)], className="muted"),
                    ]
                ),
                html.Pre(definition.yaml, tabIndex=0),
            ],
            className="more",
        )
        for definition in definitions
    ]


def _looks(frame: Frame, looks: Sequence[Look]) -> Component:
    if not looks:
        return html.P("Nobody has looked at an encounter yet.", className="muted")
    heads = ("When", "Who", "Role", "What", "Encounter", "From")
    rows = [
        html.Tr(
            [
                html.Td(frame.when(look.at)),
                html.Td(look.who),
                html.Td(look.role),
                html.Td(_ACTIONS.get(look.action, look.action) + (f": {look.why}" if look.why else "")),
                html.Td(html.Code(wording.shortened(look.journey))),
                html.Td(look.where_from),
            ]
        )
        for look in looks
    ]
    return html.Div(
        html.Table([html.Thead(html.Tr([html.Th(word, scope="col") for word in heads])), html.Tbody(rows)]),
        className="table-scroll",
    )
