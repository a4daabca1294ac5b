"""What the search box shows below itself: every match, how sure it is, and why.

Called by `dashboard.shell`. A value is named by its last digits only; nothing typed is kept or shown whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.lookup import Hit, Outcome
from dashboard.pages.frame import Frame
from slo.workflows.rows import Outline
from slo.workflows.search import CONTROL_ID, SPAN_ID, TRACE_ID, Match

SHOWN: Final = 50
_KINDS: Final = {CONTROL_ID: "message", TRACE_ID: "trace", SPAN_ID: "span", "mrn": "patient"}
_BASES: Final = {
    "several": "likeliest of several encounters",
    "patient": "the patient's only encounter of that time",
}
_WHYS: Final = {
    "blank": "no number: systems send it when they have none",
    "too_many": "seen with too many encounters to tell",
    "reused": "used again for another patient",
    "two_patients": "seen with two patients",
}
_WAYS: Final = {
    True: {"merge": "merged into another number", "change": "changed into another number"},
    False: {"merge": "another number was merged into it", "change": "another number became it"},
}


def straight(outcome: Outcome) -> str:
    """The journey to go to at once: one value, one journey, nothing to explain; "" otherwise."""
    journeys = outcome.journeys
    plain = not any(_doubts(hit.match) or hit.match.via for hit in outcome.hits)
    return journeys[0] if outcome.values == 1 and len(journeys) == 1 and plain else ""


def panel(
    frame: Frame, values: Sequence[str], outcome: Outcome, journeys: Sequence[Outline]
) -> list[Component]:
    """All matches; with several values, under each of them. journeys: of the first `SHOWN` found."""
    if not outcome.hits:
        several = f"None of {outcome.values} found." if outcome.values > 1 else "Nothing found."
        return [html.P(f"{several} Check the digits; leading zeros matter.")]
    known = {journey.journey: journey for journey in journeys}
    count = len(outcome.journeys) if len(outcome.journeys) > SHOWN else len(known)
    parts: list[Component] = [
        html.P(f"{count} encounter{'' if count == 1 else 's'}", className="found-count")
    ]
    missing = outcome.not_found
    if missing and outcome.values > 1:
        named = ", ".join(wording.masked(values[position]) for position in missing[:10])
        rest = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        parts.append(html.P(f"Not found: {named}{rest}.", className="found-missing"))
    if outcome.left_out:
        parts.append(html.P(f"{outcome.left_out} more values were too many and not looked for."))
    for position in dict.fromkeys(hit.position for hit in outcome.hits):
        mine = [hit for hit in outcome.hits if hit.position == position]
        # A key kept apart has a place of its own; it says nothing beside the encounters it was seen with.
        mine = [hit for hit in mine if hit.match.journey in known] or mine
        if outcome.values > 1:
            parts.append(html.H3(wording.masked(values[position])))
        parts.append(html.Ul([html.Li(_line(frame, hit, known)) for hit in mine[:SHOWN]]))
    if count > len(known):
        parts.append(html.P(f"{count - len(known)} more; search for fewer at a time to see them all."))
    return parts


def _line(frame: Frame, hit: Hit, known: dict[str, Outline]) -> Component:
    match = hit.match
    said = html.Span(" · ".join(_said(frame, match)), className="found-why")
    journey = known.get(match.journey)
    if not journey and match.certainty == "quarantined":
        return html.Div([html.Span("Kept apart", className="row-id"), said], className="found-nobody")
    worst = journey.workflows[0].state if journey and journey.workflows else None
    began = frame.moment(journey.began) if journey else ""
    return components.link(
        [
            components.badge(worst) if worst else None,
            html.Span(wording.shortened(match.journey), className="row-id"),
            html.Span(f"began {began}" if began else "", className="found-began"),
            said,
        ],
        f"/encounter/{match.journey}",
    )


def _said(frame: Frame, match: Match) -> list[str]:
    what = _KINDS.get(match.kind, match.kind.replace("_", " "))
    parts = [f"{what} at {match.authority}" if match.authority else what]
    if match.interface:
        parts[0] += f" on {match.interface}"
    if match.since and match.interface:
        parts.append(frame.moment(match.since))
    elif match.since and match.kind == "mrn":
        parts.append(f"seen {frame.moment(match.since)}")
    elif match.since or match.until:
        parts += [f"from {frame.moment(match.since)}"] if match.since else []
        parts += [f"until {frame.moment(match.until)}"] if match.until else []
    parts += _doubts(match)
    if match.via:
        when = f" {frame.moment(match.via_at)}" if match.via_at else ""
        way = _WAYS[match.gave_way].get(match.via, "linked with another number")
        parts.append(f"{way}{when}")
    return parts


def _doubts(match: Match) -> list[str]:
    """What makes a match less than certain, in words."""
    doubts = [] if match.certainty == "certain" else [match.certainty]
    if match.basis in _BASES:
        doubts.append(_BASES[match.basis])
    if match.why:
        doubts.append(_WHYS.get(match.why, match.why.replace("_", " ")))
    return doubts
