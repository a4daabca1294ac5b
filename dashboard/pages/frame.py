"""What every page gets besides its rows: the time, the zone, the site, and the address it was asked with.

Called by each page; made by `dashboard.places`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.components import wild
from slo.workflows.rows import InstanceRow


@dataclass(frozen=True, slots=True)
class Frame:
    """now: UTC; zone: the site's; path and query: the address (first value of each name)."""

    now: datetime
    zone: tzinfo
    site: str
    path: str
    query: Mapping[str, str]

    def when(self, at: datetime | None, prefix: str = "") -> Component:
        """A time as this page shows times."""
        return components.when(at, self.zone, self.now, prefix)

    def moment(self, at: datetime | None) -> str:
        """The same as text."""
        return wording.moment(at, self.zone, self.now)

    def with_query(self, **changes: str | None) -> str:
        """This page's address with some of its query changed; None removes a name."""
        merged = {**self.query, **changes}
        kept = urlencode({name: value for name, value in merged.items() if value})
        return self.path + (f"?{kept}" if kept else "")

    def asked(self, **query: str) -> Frame:
        """This frame as if its address had said so, for what a page chose by itself."""
        return replace(self, query={**self.query, **query})

    @property
    def zone_name(self) -> str:
        """The zone's name, as printed beside times."""
        return wording.zone_name(self.now, self.zone)


def heading(title: str, *more: Any, lead: str = "") -> Component:
    """The top of a page: its name, one sentence, and what can be done with it."""
    return html.Div(
        [
            html.Div([html.H1(title), html.P(lead, className="muted") if lead else None]),
            html.Div(list(more), className="actions"),
        ],
        className="heading",
    )


def chips(frame: Frame, name: str, label: str, options: list[tuple[str, str]]) -> Component:
    """A filter as links, one of them chosen; the choice is in the address and nowhere else.

    options: (value, word); the empty value means all.
    """
    chosen = frame.query.get(name, "")
    return html.Nav(
        [
            html.Span(label, className="chips-label"),
            *(
                components.link(
                    word,
                    frame.with_query(**{name: value or None}),
                    className="chip chosen" if value == chosen else "chip",
                    **({"aria-current": "true"} if value == chosen else {}),
                )
                for value, word in options
            ),
        ],
        className="chips",
        **wild({"aria-label": label}),
    )


def how_late(row: InstanceRow) -> str:
    """`2 h 14 m late`, `due in 4 m`, or `since` words for a failure before its deadline."""
    return wording.late(row.late_s)


def needs_row(frame: Frame, row: InstanceRow) -> Component:
    """One line of "Needs somebody": state, what is missing and why, how late, since when, whose it is.

    The whole line is one link to the encounter.
    """
    what = row.step or "discharge"
    because = f" refused: {wording.phrase(row.reason)}" if row.reason and row.state == "failed" else ""
    missing = f"{what}{because}" if row.state == "failed" else f"{what} not seen"
    if row.state == "at_risk":
        missing = f"{what} may be late"
    started = wording.moment(row.started_at, frame.zone, frame.now)
    return html.Li(
        components.link(
            [
                components.badge(row.state),
                html.Span(wording.shortened(row.journey), className="row-id"),
                html.Span(
                    [
                        html.Span(missing, className="row-what"),
                        html.Span(
                            " · ".join(
                                part for part in (row.title, row.facility, f"began {started}") if part
                            ),
                            className="row-more",
                        ),
                    ],
                    className="row-text",
                ),
                html.Span(
                    how_late(row),
                    className="row-late",
                    title="Deadline " + wording.exact(row.deadline, frame.zone) if row.deadline else "",
                ),
                html.Span(row.owner or "unassigned", className="row-owner"),
            ],
            href=f"/encounter/{row.journey}",
            className="row",
            **wild({"data-row": "1", "data-state": row.state}),
        ),
        **wild({"data-key": f"{row.workflow}/{row.journey}/{row.occurrence}"}),
    )
