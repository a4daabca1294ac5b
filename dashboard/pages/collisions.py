"""Keys that do not say whose they are: what was found, why that is dangerous, and what a person decides.

Called by `dashboard.places`, reached from the admin page and from alerts. Shows masked keys; decisions go to
the REST interface with a reason and are written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from dash import html
from dash.development.base_component import Component

from dashboard import components, lanes, wording
from dashboard.components import wild
from dashboard.pages.frame import Frame, heading
from dashboard.pages.identity import MaskedKey, decision, kind_name
from dashboard.source import BlankMessage, Named
from tracing.identity.read import Collision, IdentityEvent

LIMIT = 200
#: Of more patients than this, which two are one is told in the registration system, not here.
_PAIRED = 3
_TITLES = {
    "too_many": "connects too many",
    "two_patients": "two patients at one time",
    "reused": "used again for another patient",
    "blank": "not a number",
}
_STATES = {"two_patients": "failed", "too_many": "at_risk", "reused": "at_risk", "blank": "unknown"}


def why(collision: Collision) -> str:
    """What was found, and what Caretrail does until somebody decides, in plain words."""
    kind, count = kind_name(collision.kind), len(collision.evidence)
    if collision.why == "too_many":
        return (
            f"This {kind} was seen with {count} or more others, more than a key of its kind connects. It "
            "joins nothing until it is released, so that one bad number cannot make many patients one."
        )
    if collision.why == "two_patients":
        return (
            f"This {kind} was used for {count} patients at the same time. Their messages are kept apart, a "
            "journey for each patient."
        )
    if collision.why == "reused":
        return (
            f"This {kind} belonged to one patient and later, far apart in time, to another: a number given "
            "out again. Each patient has a journey."
        )
    return (
        f"What stands in the place of this {kind} is no number but a placeholder that many patients share. "
        "It joins nothing."
    )


def view(
    frame: Frame,
    collisions: Sequence[Collision],
    named: Mapping[str, Named],
    masked: Mapping[str, MaskedKey],
    blank: Sequence[BlankMessage],
    said: Sequence[IdentityEvent],
    may_decide: bool,
) -> Component:
    """Every open collision, the most dangerous first, those that a person has decided last."""
    apart = {
        frozenset((event.from_token, event.to_token)): event
        for event in said
        if event.event == "different" and not event.withdrawn
    }
    order = list(_STATES)
    rows = sorted(
        collisions,
        key=lambda one: (
            bool(_decided(one, apart)),
            order.index(one.why) if one.why in order else len(order),
            one.raised_at,
        ),
    )
    messages = {message.span_id: message for message in blank}
    lead = (
        "Keys that do not say whose they are. Nothing wrong is joined while they wait; what they would have "
        f"joined stays apart. Times in {frame.zone_name}."
    )
    body = (
        html.Ul(
            [_row(frame, one, named, masked, messages, _decided(one, apart), may_decide) for one in rows],
            className="collisions",
        )
        if rows
        else components.nothing(
            "No key is in doubt",
            "Every key says whose it is. New doubts appear here by themselves.",
            "on_track",
        )
    )
    more = (
        html.P(f"The newest {LIMIT} are shown; there may be more.", className="muted")
        if len(collisions) >= LIMIT
        else None
    )
    return html.Div([heading("Key collisions", lead=lead), body, more], className="admin")


def summary(frame: Frame, collisions: Sequence[Collision]) -> Component:
    """A line for the admin page that leads here."""
    if not collisions:
        return html.P(
            [components.mark("on_track"), " No key is in doubt. ", _to_page("Key collisions")],
            className="collision-line",
        )
    oldest = min(one.raised_at for one in collisions)
    count = f"{len(collisions)}+" if len(collisions) >= LIMIT else wording.count(len(collisions))
    said = "key does not say whose it is" if len(collisions) == 1 else "keys do not say whose they are"
    words = f" {count} {said}, the oldest since "
    return html.P(
        [components.mark("at_risk"), words, frame.when(oldest), ". ", _to_page("Look and decide")],
        className="collision-line",
    )


def _to_page(word: str) -> Component:
    return components.link(word, "/collisions", className="button small")


def _row(
    frame: Frame,
    collision: Collision,
    named: Mapping[str, Named],
    masked: Mapping[str, MaskedKey],
    messages: Mapping[str, BlankMessage],
    decided: Sequence[IdentityEvent],
    may_decide: bool,
) -> Component:
    key = masked.get(collision.token)
    shown = key.masked if key else wording.shortened(collision.token)
    state = "cancelled" if decided else _STATES.get(collision.why, "unknown")
    last = max(decided, key=lambda event: event.at, default=None)
    forms = [] if last else _decisions(collision, named, masked)
    if last:
        forms.append(decision("withdraw", last.event_id, "Take back", "Take this decision back"))
    name = html.Strong(f"{kind_name(collision.kind)[:1].upper()}{kind_name(collision.kind)[1:]} {shown}")
    place = named.get(collision.token)
    home = place.journey or collision.token if place and collision.why != "blank" else ""
    head = [
        components.mark(state),
        components.link(name, f"/encounter/{home}", title="Open its encounter") if home else name,
        html.Span(_TITLES.get(collision.why, wording.phrase(collision.why)), className="title"),
        html.Span(
            [f"{collision.authority or 'no authority'} · since ", frame.when(collision.raised_at)],
            className="muted",
        ),
    ]
    evidence = [
        *(_key(token, named, masked) for token in collision.evidence if collision.why != "blank"),
        *(
            _message(frame, messages[span])
            for span in collision.evidence
            if collision.why == "blank" and span in messages
        ),
    ]
    return html.Li(
        [
            html.Div(head, className="collision-head"),
            html.P(why(collision)),
            html.Ul(evidence, className="evidence", **wild({"aria-label": "Evidence"})) if evidence else None,
            html.P(
                f"Kept apart: decided by {last.who} {frame.moment(last.at)}: {last.reason}", className="muted"
            )
            if last
            else None,
            html.Div(forms, className="actions") if may_decide else None,
        ],
        **wild({"data-key": f"{collision.token}/{collision.why}", "data-why": collision.why}),
    )


def _decided(collision: Collision, apart: Mapping[frozenset[str], IdentityEvent]) -> list[IdentityEvent]:
    """The decisions that keep every two patients of a collision apart; none while two are undecided."""
    if collision.why not in ("two_patients", "reused"):
        return []
    pairs = [frozenset(pair) for pair in combinations(collision.evidence, 2)]
    return [apart[pair] for pair in pairs] if all(pair in apart for pair in pairs) else []


def _key(token: str, named: Mapping[str, Named], masked: Mapping[str, MaskedKey]) -> Component:
    key, known = masked.get(token), named.get(token)
    words = key.name if key else wording.shortened(token)
    where = key.authority if key else ""
    home = known.journey or token if known and known.kind == "visit" else ""
    return html.Li(
        [
            components.link(words, f"/encounter/{home}") if home else html.Span(words),
            html.Span(where, className="label"),
        ]
    )


def _message(frame: Frame, message: BlankMessage) -> Component:
    return html.Li(
        [
            html.Span(f"{message.message or 'a message'} over {message.interface}"),
            html.Span(
                [f"from {lanes.system_name(message.source)}, ", frame.when(message.at)], className="label"
            ),
        ]
    )


def _decisions(
    collision: Collision, named: Mapping[str, Named], masked: Mapping[str, MaskedKey]
) -> list[Component]:
    """What makes sense for a kind of collision; two of the same kind can be said to be one, or not."""
    alike = [token for token in collision.evidence if token in named]
    kinds = {named[token].kind for token in alike}
    forms = []
    if collision.why in ("two_patients", "reused") and len(alike) <= _PAIRED and kinds <= {"mrn"}:
        for one, other in combinations(alike, 2):
            about = f"{one} {other}"
            which = f" {masked[one].masked}, {masked[other].masked}" if len(alike) > 2 else ""
            forms.append(decision("same", about, f"Same patient{which}", "These two numbers are one patient"))
            forms.append(decision("different", about, f"Keep apart{which}", "These are two patients"))
    words = "It joins what it was seen with"
    if collision.why in ("two_patients", "reused"):
        words = "It is one encounter, whatever patient numbers stand in its messages"
    forms.append(decision("release", collision.token, "Release", words))
    return forms
