"""The wall: is anything red, whose is it, since when, is it growing.

Tiles worst first, a strip of interfaces, and who needs somebody.  Its shape depends on how many workflows and
interfaces there are, never on their numbers, so that a refresh changes numbers in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.components import wild
from dashboard.pages.frame import Frame, chips, heading, needs_row
from dashboard.states import severity, state, worst
from dashboard.traffic import InterfaceRow
from slo.workflows.rows import InstanceRow, Tile

FRESH = timedelta(days=1)
_OPEN = ("failed", "overdue", "at_risk", "on_track")
# More tiles than this are small, so that whoever needs somebody stays on the first screen.
_ROOMY = 6
_BAR_STATES = ("failed", "overdue", "at_risk", "on_track", "completed_late", "completed")


def view(
    frame: Frame,
    tiles: Sequence[Tile],
    rows: Sequence[InstanceRow],
    lines: Sequence[InterfaceRow],
    facilities: Sequence[str],
    limit: int = 40,
) -> Component:
    """The board's body, at most `limit` rows of trouble. Without tiles, nothing has spoken yet.

    rows: those late for no longer than `FRESH` are among them however many older ones there are.
    """
    return html.Div(
        [
            html.H1("Operations board", className="for-readers"),
            _tiles(frame, tiles),
            _strip(lines),
            _needs(frame, rows, tiles, facilities, limit),
        ],
        className="board",
    )


def title(tiles: Sequence[Tile]) -> str:
    """The tab's title says the worst first: `■ 12 overdue · Caretrail`."""
    red = {
        code: sum(counted(tile).get(code, 0) for tile in tiles) for code in ("failed", "overdue", "at_risk")
    }
    found = [f"{state(code).glyph} {number} {state(code).word}" for code, number in red.items() if number]
    return (" ".join(found[:2]) or "● all on track") + " · Caretrail" if tiles else "Caretrail"


def counted(tile: Tile) -> dict[str, int]:
    """Instances by the code of their state."""
    return {str(code): number for code, number in tile.counts.items()}


def _tiles(frame: Frame, tiles: Sequence[Tile]) -> Component:
    if not tiles:
        return components.nothing(
            "No workflow is active yet",
            "Put a workflow file into workflows/ and start again, or load history: caretrail replay.",
        )
    ordered = sorted(tiles, key=lambda tile: (severity(worst(counted(tile))), tile.title))
    return html.Section(
        [_tile(tile) for tile in ordered],
        className="tiles" + (" alone" if len(tiles) == 1 else " many" if len(tiles) > _ROOMY else ""),
        **wild({"aria-label": "Workflows, worst first"}),
    )


def _tile(tile: Tile) -> Component:
    counts = counted(tile)
    code = worst(counts)
    usual = "usual " + wording.percent(tile.usual) if tile.usual is not None else "no usual yet"
    spark_title = (
        f"{tile.title} on time, hour by hour over 24 hours: now {wording.percent(tile.on_time_24h)}, {usual}"
    )
    below = tile.on_time_24h is not None and tile.usual is not None and tile.on_time_24h < tile.usual - 0.02
    return html.Article(
        [
            html.Header(
                [
                    components.badge(code),
                    html.H2(components.link(tile.title, f"/exceptions?workflow={tile.workflow}")),
                    html.Span(tile.owner or "no owner", className="owner"),
                ]
            ),
            html.Div([_number(tile, code) for code in _OPEN], className="numbers"),
            html.Div(
                [
                    _fact("oldest overdue", wording.duration(tile.oldest_overdue_s)),
                    _fact("on time, 24 h", wording.percent(tile.on_time_24h), usual, "risk" if below else ""),
                    _fact("started, 24 h", wording.count(tile.started_24h)),
                    html.Div(
                        [
                            html.Span("on time, hour by hour", className="label"),
                            components.sparkline(list(tile.spark), spark_title, tone="risk" if below else ""),
                        ],
                        className="fact spark-fact",
                    ),
                ],
                className="facts",
            ),
            _bar(counts),
        ],
        className=f"tile {state(code).tone}",
        **wild({"data-key": tile.workflow, "data-workflow": tile.workflow, "data-state": code}),
    )


def _number(tile: Tile, code: str) -> Component:
    number = counted(tile).get(code, 0)
    shown = state(code)
    return components.link(
        [
            html.Span(wording.count(number), className="big"),
            html.Span([components.mark(code), shown.word], className="of"),
        ],
        f"/exceptions?workflow={tile.workflow}&state={code}",
        className=f"number {shown.tone}" + (" long" if number > 999 else "" if number else " none"),
        **wild({"data-count": code}),
    )


def _fact(label: str, value: str, more: str = "", tone: str = "") -> Component:
    return html.Div(
        [
            html.Span(label, className="label"),
            html.Span(value, className=f"value {tone}".strip()),
            html.Span(more, className="more") if more else None,
        ],
        className="fact",
    )


def _bar(counts: dict[str, int]) -> Component:
    """All instances of the day as one bar; its words are the numbers above, so it is hidden from readers."""
    total = sum(counts.get(code, 0) for code in _BAR_STATES) or 1
    left = 0.0
    pieces = []
    for code in _BAR_STATES:
        width = 1000 * counts.get(code, 0) / total
        tone = f"{state(code).tone} {code}"
        pieces.append(
            ["rect", {"x": round(left, 1), "y": 0, "width": round(width, 1), "height": 6, "className": tone}]
        )
        left += width
    return components.Drawing(
        [
            "svg",
            {
                "className": "bar",
                "viewBox": "0 0 1000 6",
                "preserveAspectRatio": "none",
                "aria-hidden": "true",
            },
            *pieces,
        ]
    )


def _strip(lines: Sequence[InterfaceRow]) -> Component:
    items = [
        components.link(
            [
                components.mark(line.state),
                html.Strong(line.name),
                html.Span(_line_words(line), className="muted"),
                html.Span(state(line.state).word, className="for-readers"),
            ],
            "/interfaces",
            className=f"line {state(line.state).tone}",
        )
        for line in sorted(lines, key=lambda line: line.name)
    ]
    return html.Section(
        [
            html.H2("Interfaces"),
            html.Div(
                items or [html.Span("none has spoken in the last week", className="muted")], className="lines"
            ),
        ],
        className="strip",
    )


def _line_words(line: InterfaceRow) -> str:
    if line.state in ("at_risk", "failed"):
        return f"{wording.percent(line.error_rate)} refused · {wording.rate(line.rate)}"
    if line.state == "silent":
        return f"silent · usual {wording.rate(line.usual)}"
    usual = f" (usual {wording.rate(line.usual)})" if line.usual else ""
    return wording.rate(line.rate) + usual


def _needs(
    frame: Frame,
    found: Sequence[InstanceRow],
    tiles: Sequence[Tile],
    facilities: Sequence[str],
    limit: int,
) -> Component:
    # What went wrong today can still be helped: it must not drown below what nobody closed last month.
    old_s = FRESH.total_seconds()
    fresh = [row for row in found if row.late_s is None or row.late_s < old_s]
    older = [row for row in found if row.late_s is not None and row.late_s >= old_s]
    rows = [*fresh, *older][:limit]
    split = min(len(fresh), limit)
    total = sum(counted(tile).get(code, 0) for tile in tiles for code in ("overdue", "failed", "at_risk"))
    chosen = frame.query.get("facility")
    filters = (
        chips(frame, "facility", "Facility", [("", "all"), *((name, name) for name in facilities)])
        if len(facilities) > 1 or chosen
        else None
    )
    more = (
        components.link(f"all {wording.count(total)}", "/exceptions", className="button small")
        if total > len(rows)
        else None
    )
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Needs somebody"),
                    html.Span(wording.plural(total, "encounter") if total else "", className="muted"),
                    filters,
                    more,
                ],
                className="section-head",
            ),
            html.Ol(
                [
                    *(needs_row(frame, row) for row in rows[:split]),
                    html.Li("More than a day old", className="divider", **wild({"data-key": "older"}))
                    if older and rows[split:]
                    else None,
                    *(needs_row(frame, row) for row in rows[split:]),
                ],
                className="rows",
            )
            if rows
            else components.nothing(
                "Nobody waits",
                "Every open encounter is on track. This list fills by itself the second a deadline passes.",
                "on_track",
            ),
        ],
        className="needs",
    )


def unavailable(reason: str) -> Component:
    """The page when the store has never answered since the dashboard started."""
    return html.Div(
        [
            heading("No data yet"),
            components.nothing(
                f"{(reason or 'No answer yet').capitalize()}",
                "This page tries again by itself; caretrail doctor says more.",
                "unknown",
            ),
        ]
    )
