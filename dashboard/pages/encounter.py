"""One encounter: the answer first, then the steps, the lanes, and the hop that matters.

For somebody who was called at night: the last place it was seen, the first place it was not, and the
acknowledgement in between.  Shows masked keys only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from dash import html
from dash.development.base_component import Component

from dashboard import components, lanes, wording
from dashboard.components import wild
from dashboard.lineage import Lineage, legend
from dashboard.pages import hops, identity, late_truth, steps
from dashboard.pages.frame import Frame, heading
from dashboard.pages.identity import MaskedKey
from dashboard.source import Named
from dashboard.states import outcome_state, state
from slo.workflows.rows import Hop, InstanceRow, Journey
from tracing.identity.read import IdentityEvent
from tracing.lineage import Arrow

_HINT = "Arrows below a lane: what a message came of. Point at a message to read why."
_CLASSES = {"I": "inpatient", "O": "outpatient", "E": "emergency", "P": "preadmission", "R": "recurring"}


@dataclass(frozen=True, slots=True)
class Known:
    """All that the page shows of a journey: the sentence that answers, and which hop came of which,
    what was said of its identity, its keys and theirs by token, and the spans of messages that were kept.
    """

    journey: Journey
    sentence: str
    arrows: Sequence[Arrow] = ()
    history: Sequence[IdentityEvent] = ()
    named: Mapping[str, Named] = field(default_factory=dict)
    kept: Collection[str] = ()


def view(frame: Frame, known: Known, keys: Mapping[str, MaskedKey], may_decide: bool = False) -> Component:
    """The whole page; `frame.query["hop"]` chooses a hop, else the one that tells most. keys: by token.

    may_decide: whoever may decide about identity may also reveal what is sealed, with a reason.
    """
    journey = known.journey
    chosen = _chosen(journey.hops, frame.query.get("hop", ""))
    came_of = Lineage.between(journey.hops, known.arrows)
    layout = lanes.lay_out(journey, frame.zone, frame.now, came_of)
    drawing = lanes.draw(
        layout,
        frame.zone,
        chosen,
        lambda index: f"/encounter/{journey.journey}?hop={index}",
        f"{len(journey.hops)} hops over {len(layout.lanes)} systems",
        came_of.kin(chosen),
    )
    return html.Div(
        [
            _head(frame, journey, keys),
            html.P(components.sentence(known.sentence), className="answer"),
            *steps.workflows(frame, journey.workflows, keys),
            html.Section(
                [
                    html.Div(
                        [
                            html.H2("What was seen, and what was not"),
                            html.Span(f"times in {frame.zone_name}, gaps folded", className="muted"),
                            *(components.Drawing(node) for node in legend(known.arrows)),
                        ],
                        className="section-head",
                    ),
                    html.Div(
                        components.Drawing(drawing),
                        className="lanes-scroll",
                        tabIndex=0,
                        **wild({"aria-label": "Swim lanes, scrollable"}),
                    ),
                    html.P(_HINT if known.arrows else "", className="lineage-says", id="lineage-says"),
                ],
                className="lanes-section",
            ),
            late_truth.section(frame, journey),
            hops.details(frame, journey, chosen, came_of, known.kept, may_decide) if journey.hops else None,
            hops.listing(frame, journey, chosen, came_of),
            identity.known_as(journey, keys, may_decide),
            identity.history(frame, journey, known.history, keys, may_decide),
        ],
        className="encounter",
    )


def absent(token: str) -> Component:
    """The page of a journey that the store does not know."""
    return html.Div(
        [
            heading("Encounter"),
            components.nothing(
                "No such encounter",
                f"Nothing was seen of {wording.shortened(token)}. It may be too old, of another site, or its "
                "first message is still on its way. Search with “/” for a visit, account, order or "
                "claim number.",
            ),
        ]
    )


def title(journey: Journey) -> str:
    """The tab's title: the worst state, no identifier."""
    if not journey.workflows:
        return "Encounter · Caretrail"
    code = journey.workflows[0].state
    return f"{state(code).glyph} {state(code).word} · encounter · Caretrail"


def _chosen(seen: list[Hop], asked: str) -> int:
    if asked.isdigit() and int(asked) < len(seen):
        return int(asked)
    refused = [index for index, hop in enumerate(seen) if outcome_state(hop.outcome) == "failed"]
    return refused[-1] if refused else len(seen) - 1


def _head(frame: Frame, journey: Journey, keys: Mapping[str, MaskedKey]) -> Component:
    own = keys.get(journey.journey)
    called = own.masked if own else wording.shortened(journey.journey)
    name = f"{journey.kind.replace('_', ' ').capitalize()} {called}"
    patient_class = next(
        (hop.tags["patient_class"] for hop in journey.hops if hop.tags.get("patient_class")), ""
    )
    facility = next((row.facility for row in journey.workflows if row.facility), "")
    facts = [_CLASSES.get(patient_class, patient_class), facility, identity.certainty(journey, keys)]
    worst = journey.workflows[0] if journey.workflows else None
    return html.Div(
        [
            html.Div(
                [html.H1(name), html.P(" · ".join(fact for fact in facts if fact), className="muted")],
            ),
            html.Div(
                [
                    _verdict(worst) if worst else components.badge("unknown", "no workflow started"),
                    html.Button(
                        "Copy link",
                        className="button small",
                        **wild({"data-copy": f"/encounter/{journey.journey}"}),
                    ),
                ],
                className="actions",
            ),
        ],
        className="heading encounter-head",
    )


def _verdict(row: InstanceRow) -> Component:
    more = ""
    if row.state in ("overdue", "failed", "at_risk") and row.step:
        lateness = f"{wording.duration(row.late_s)}: " if row.state == "overdue" and row.late_s else ""
        more = f"{lateness}{row.step}" if lateness else f"· {row.step}"
    return html.Div(components.badge(row.state, more), className=f"verdict {state(row.state).tone}")
