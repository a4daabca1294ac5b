"""What is known of an encounter's identity: its keys, how sure they are, and the dated history of them.

Called by the encounter page and the page of collisions. Shows masked keys only; a fact that was taken back
stays, struck through, with who took it back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.components import wild
from dashboard.pages.frame import Frame
from slo.workflows.rows import Journey
from tracing.identity.read import IdentityEvent

_KINDS = {"mrn": "MRN"}
_BASES = {
    "several": "seen with several visits, this one is the likeliest",
    "patient": "by patient and time",
    "quarantined": "it connects too much, so it joins nothing until somebody decides",
}
_TONES = {"certain": "met", "probable": "at_risk", "quarantined": "cancelled"}
_CANCELS = {
    "ADT^A11": "Admission cancelled",
    "ADT^A12": "Transfer cancelled",
    "ADT^A13": "Discharge cancelled",
    "ADT^A27": "Expected admission cancelled",
    "ADT^A38": "Pre-admission cancelled",
}
#: The same fact passes one interface after another; told again within so long, it is one line.
_TOLD_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MaskedKey:
    """A key as it may be shown: `visit`, `NSH`, `••••041`, the field it is read from, its certainty."""

    kind: str
    authority: str
    masked: str
    field: str = ""
    certainty: str = ""
    basis: str = ""

    @property
    def name(self) -> str:
        """`visit ••••041`."""
        return f"{kind_name(self.kind)} {self.masked}"


@dataclass(frozen=True, slots=True)
class _Fact:
    """One thing that was said, by every message that said it."""

    told: list[IdentityEvent]

    @property
    def first(self) -> IdentityEvent:
        return self.told[0]


def kind_name(kind: str) -> str:
    """`purchase order`, `MRN`."""
    return _KINDS.get(kind, kind.replace("_", " "))


def certainty(journey: Journey, keys: Mapping[str, MaskedKey]) -> str:
    """What to say below the name: nothing when all is certain, else the reason."""
    own = keys.get(journey.journey)
    if own is not None and own.certainty == "quarantined":
        return f"quarantined: {_BASES['quarantined']}"
    doubts = {_BASES.get(key.basis, "") for key in keys.values() if key.certainty == "probable"} - {""}
    if journey.certainty != "probable" and not doubts:
        return ""
    return "in part probable, not certain" + (f": {'; '.join(sorted(doubts))}" if doubts else "")


def known_as(journey: Journey, keys: Mapping[str, MaskedKey], may_reveal: bool = False) -> Component:
    """Every key of the journey with kind, authority and certainty, and its traces."""
    own = [(each.token, keys[each.token]) for each in journey.keys if each.token in keys]
    shown = [
        html.Li(
            [
                html.Span(kind_name(key.kind), className="label"),
                html.Span(key.masked),
                html.Span(" · ".join(part for part in (key.authority, key.field) if part), className="label"),
                _sureness(key),
                reveal("key", journey.journey, token, "Reveal") if may_reveal else None,
            ],
            **wild({"data-kind": key.kind, "data-certainty": key.certainty or "certain"}),
        )
        for token, key in own
    ]
    traces = [
        html.Li(
            [
                html.Span("trace", className="label"),
                html.Code(wording.shortened(trace), title=trace),
                html.Button(
                    "Copy",
                    className="button small",
                    **wild({"data-copy": trace, "aria-label": f"Copy trace {trace[:4]}"}),
                ),
            ]
        )
        for trace in journey.trace_ids
    ]
    return html.Section(
        [html.H2("Known as"), html.Ul([*shown, *traces], className="keys")], className="known"
    )


def _sureness(key: MaskedKey) -> Component | None:
    if key.certainty in ("", "certain"):
        return None
    mark = components.mark(_TONES.get(key.certainty, "unknown"))
    why = _BASES.get(key.basis, "")
    return html.Span([mark, f" {key.certainty}" + (f": {why}" if why else "")], className="sureness")


def history(
    frame: Frame,
    journey: Journey,
    events: Sequence[IdentityEvent],
    keys: Mapping[str, MaskedKey],
    may_decide: bool,
) -> Component | None:
    """Dated, oldest first; each fact with the messages that told it, or who decided; None without any."""
    if not events:
        return None
    by_id = {event.event_id: event for event in events}
    takers = {event.withdraws: event for event in events if event.event == "withdraw"}
    places = {hop.span_id: place for place, hop in enumerate(journey.hops)}
    items = [_item(frame, journey, fact, by_id, takers, places, keys, may_decide) for fact in _facts(events)]
    return html.Section(
        [
            html.Div(
                [
                    html.H2("History of identity"),
                    html.Span("what systems and people said of these keys", className="muted"),
                ],
                className="section-head",
            ),
            html.Ol(items, className="history"),
        ],
        id="history",
    )


def concerning(events: Sequence[IdentityEvent], own: Collection[str]) -> list[IdentityEvent]:
    """Events of these keys, without what was said of the patient's other visits and accounts."""
    return [
        event
        for event in events
        if (event.subject_token or event.to_token) in own
        or (not event.subject_token and event.from_token in own)
    ]


def _facts(events: Sequence[IdentityEvent]) -> list[_Fact]:
    found: list[_Fact] = []
    newest: dict[tuple[str, ...], _Fact] = {}
    for event in events:
        same = (event.event, event.from_token, event.to_token, event.subject_token, str(event.withdrawn))
        known = newest.get(same)
        if known and not event.who and event.at - known.first.at <= _TOLD_AGAIN:
            known.told.append(event)
            continue
        newest[same] = _Fact([event])
        found.append(newest[same])
    return found


def _item(
    frame: Frame,
    journey: Journey,
    fact: _Fact,
    by_id: Mapping[str, IdentityEvent],
    takers: Mapping[str, IdentityEvent],
    places: Mapping[str, int],
    keys: Mapping[str, MaskedKey],
    may_decide: bool,
) -> Component:
    event = fact.first
    what = html.Span(words(event, by_id, keys), className="what")
    parts: list[Component] = [html.Del(what) if event.withdrawn else what]
    taker = next((takers[told.event_id] for told in fact.told if told.event_id in takers), None)
    if event.withdrawn and taker is not None:
        gone = f"taken back by {taker.who} {frame.moment(taker.at)}: {taker.reason}"
        parts.append(html.Span(gone, className="muted"))
    elif event.withdrawn:
        parts.append(html.Span("undone later by a system", className="muted"))
    parts.append(html.Span(_evidence(frame, journey, fact, places), className="evidence muted"))
    joins = event.event in ("merge", "change", "move", "link", "same", "different", "release")
    if may_decide and joins and not event.withdrawn:
        parts.append(decision("withdraw", event.event_id, "Take back", "Take this back"))
    return html.Li(
        [
            html.Time(
                frame.moment(event.at),
                dateTime=event.at.isoformat(),
                title=wording.exact(event.at, frame.zone),
            ),
            html.Div(parts),
        ],
        className="gone" if event.withdrawn else None,
        **wild({"data-event": event.event, "data-key": event.event_id}),
    )


def words(event: IdentityEvent, by_id: Mapping[str, IdentityEvent], keys: Mapping[str, MaskedKey]) -> str:
    """One event in plain words, with masked keys."""
    came, now, what = (
        _named(token, kind, keys)
        for token, kind in (
            (event.from_token, event.from_kind),
            (event.to_token, event.to_kind),
            (event.subject_token, event.subject_kind),
        )
    )
    of = {"patient": "Patients", "account": "Accounts", "visit": "Visits"}.get(event.level, "Keys")
    if event.event == "withdraw":
        taken = by_id.get(event.withdraws)
        return f"Taken back: {words(taken, {}, keys)}" if taken else "Something said before was taken back"
    sentences = {
        "merge": f"{of} merged: {came} is {now} now",
        "change": f"Number changed: {came} is {now} now",
        "move": f"{what[:1].upper()}{what[1:]} moved from {came} to {now}"
        if event.subject_token
        else f"Identifiers of a patient moved from {came} to {now}",
        "link": f"{of} linked: {came} and {now}",
        "unlink": f"{of} unlinked: {came} and {now}",
        "cancel": f"{_CANCELS.get(event.message, 'Cancelled')}: {now}",
        "same": f"Said to be the same {event.level}: {came} and {now}",
        "different": f"Kept apart: {came} and {now}",
        "release": f"Released, may join again: {now}",
    }
    return sentences.get(event.event, f"{event.event}: {came} {now}")


def _named(token: str, kind: str, keys: Mapping[str, MaskedKey]) -> str:
    if not token:
        return "nothing"
    known = keys.get(token)
    return known.name if known else f"{kind_name(kind)} {wording.shortened(token)}".strip()


def _evidence(
    frame: Frame, journey: Journey, fact: _Fact, places: Mapping[str, int]
) -> list[components.Part]:
    """The person and the reason, or each message: type and interface, and a link where it is a hop here."""
    if fact.first.who:
        return [f"decided by {fact.first.who}: {fact.first.reason}"]
    parts: list[components.Part] = []
    for event in fact.told:
        refused = f", {event.outcome} by its receiver" if event.outcome not in ("accepted", "") else ""
        said = f"{event.message or 'a message'} over {event.interface}{refused}"
        parts.append("; " if parts else "told by ")
        place = places.get(event.span_id)
        parts.append(
            said if place is None else components.link(said, f"/encounter/{journey.journey}?hop={place}")
        )
    return parts


def decision(action: str, about: str, button: str, label: str) -> Component:
    """A button that opens a form for the reason; the browser posts it to the REST interface.

    about: the event of a withdrawal, else tokens with a space between. Nothing of it is in an address.
    """
    return html.Details(
        [
            html.Summary(button, className="button small"),
            html.Form(
                [
                    html.Label(
                        [
                            html.Span(f"{label}: why? No names or numbers of patients."),
                            _reason(),
                        ]
                    ),
                    html.Button(button, className="button", type="submit"),
                    html.P("", className="told", role="status"),
                ],
                **wild({"data-decide": action, "data-about": about}),
            ),
        ],
        className="decision",
    )


def reveal(what: str, journey: str, about: str, button: str) -> Component:
    """A button that opens a form for the reason, and then what was sealed, for a minute.

    what: key or message; about: the token or the span ID.
    """
    return html.Details(
        [
            html.Summary(button, className="button small"),
            html.Form(
                [
                    html.Label(
                        [html.Span("Why? It is written down, with your name and the time."), _reason()]
                    ),
                    html.Button(button, className="button", type="submit"),
                    html.P("", className="told", role="status"),
                ],
                **wild({"data-reveal": what, "data-about": about, "data-journey": journey}),
            ),
        ],
        className="decision",
    )


def _reason() -> Component:
    return components.Drawing(
        [
            "input",
            {
                "name": "reason",
                "required": True,
                "minLength": 3,
                "maxLength": 200,
                "autoComplete": "off",
                "className": "reason",
            },
        ]
    )
