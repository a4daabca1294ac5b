"""Every encounter of every workflow in a chosen state, worst first, with the filters in the address.

Also the rows of its CSV, so that what is downloaded is what was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.pages.frame import Frame, chips, heading, needs_row
from dashboard.states import INSTANCE_STATES, NEEDS_SOMEBODY, state
from slo.workflows.rows import InstanceRow, Tile

CSV_COLUMNS = (
    "workflow", "journey", "occurrence", "state", "step", "reason", "started_at", "deadline", "late_s",
    "facility", "owner",
)  # fmt: skip


def view(frame: Frame, rows: Sequence[InstanceRow], tiles: Sequence[Tile], limit: int) -> Component:
    """The list with its filters; rows are those the address asks for, at most `limit`."""
    chosen = frame.query.get("state", "")
    facilities = sorted(
        {row.facility for row in rows if row.facility} | {frame.query.get("facility", "")} - {""}
    )
    kept = {name: frame.query[name] for name in ("workflow", "state", "facility") if frame.query.get(name)}
    return html.Div(
        [
            heading(
                "Exceptions",
                html.A("Download CSV", href="/export/exceptions.csv?" + urlencode(kept), className="button"),
                lead=_sentence(rows, chosen, limit),
            ),
            html.Div(
                [
                    chips(
                        frame,
                        "state",
                        "State",
                        [("", "needs somebody"), *((code, state(code).word) for code in INSTANCE_STATES)],
                    ),
                    chips(
                        frame,
                        "workflow",
                        "Workflow",
                        [("", "all"), *((tile.workflow, tile.title) for tile in tiles)],
                    )
                    if len(tiles) > 1 or frame.query.get("workflow")
                    else None,
                    chips(
                        frame, "facility", "Facility", [("", "all"), *((name, name) for name in facilities)]
                    )
                    if len(facilities) > 1 or frame.query.get("facility")
                    else None,
                ],
                className="filters",
            ),
            html.Ol([needs_row(frame, row) for row in rows], className="rows")
            if rows
            else components.nothing(
                "Nothing is in this state",
                "Widen the filters above, or enjoy it: the list fills by itself.",
                "on_track" if chosen in ("", *NEEDS_SOMEBODY) else "unknown",
            ),
        ]
    )


def _sentence(rows: Sequence[InstanceRow], chosen: str, limit: int) -> str:
    words = state(chosen).word if chosen in INSTANCE_STATES else "overdue, failed or at risk"
    if len(rows) >= limit:
        return (
            f"The worst {wording.count(limit)} encounters that are {words}; narrow the filters to see others."
        )
    return f"{wording.plural(len(rows), 'encounter')} {words}, worst first."


def csv_rows(rows: Sequence[InstanceRow]) -> list[tuple[str, ...]]:
    """Header and rows; times in UTC as ISO 8601, lateness in whole seconds."""
    table: list[tuple[str, ...]] = [CSV_COLUMNS]
    for row in rows:
        table.append(
            (
                row.workflow,
                row.journey,
                str(row.occurrence),
                row.state,
                row.step,
                row.reason,
                row.started_at.isoformat(),
                row.deadline.isoformat() if row.deadline else "",
                "" if row.late_s is None else f"{row.late_s:.0f}",
                row.facility,
                row.owner,
            )
        )
    return table
