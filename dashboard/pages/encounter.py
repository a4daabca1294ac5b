"""One encounter: the answer first, then the steps, the lanes, and the hop that matters.

For somebody who was called at night: the last place it was seen, the first place it was not, and the
acknowledgement in between.  Shows masked keys only.
"""

from __future__ import annotations

from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from dashboard import components, lanes, wording
from dashboard.components import wild
from dashboard.pages.frame import Frame, heading
from dashboard.states import outcome_state, state
from slo.workflows.rows import Hop, InstanceRow, Journey, StepRow

_CLASSES = {"I": "inpatient", "O": "outpatient", "E": "emergency", "P": "preadmission", "R": "recurring"}
_PROTOCOLS = {"hl7v2": "HL7 v2 over MLLP", "http": "HTTP", "x12": "X12 file"}
_EVENTS = {
    "ADT^A01": "admission", "ADT^A03": "discharge", "ADT^A13": "discharge cancelled", "ADT^A08": "update",
    "DFT^P03": "charges", "837": "claim", "999": "claim file acknowledged", "277CA": "claim acknowledged",
    "835": "remittance",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MaskedKey:
    """A key as it may be shown: `visit`, `NSH`, `••••041`."""

    kind: str
    authority: str
    masked: str


def view(frame: Frame, journey: Journey, sentence: str, keys: list[MaskedKey]) -> Component:
    """The whole page; `frame.query["hop"]` chooses a hop, else the one that tells most."""
    chosen = _chosen(journey.hops, frame.query.get("hop", ""))
    layout = lanes.lay_out(journey, frame.zone, frame.now)
    drawing = lanes.draw(
        layout,
        frame.zone,
        chosen,
        lambda index: f"/encounter/{journey.journey}?hop={index}",
        f"{len(journey.hops)} hops over {len(layout.lanes)} systems",
    )
    return html.Div(
        [
            _head(frame, journey, keys),
            html.P(sentence, className="answer"),
            *(_workflow(frame, row) for row in journey.workflows),
            html.Section(
                [
                    html.Div(
                        [
                            html.H2("What was seen, and what was not"),
                            html.Span(f"times in {frame.zone_name}, gaps folded", className="muted"),
                        ],
                        className="section-head",
                    ),
                    html.Div(
                        components.Drawing(drawing),
                        className="lanes-scroll",
                        tabIndex=0,
                        **wild({"aria-label": "Swim lanes, scrollable"}),
                    ),
                ],
                className="lanes-section",
            ),
            _hop(frame, journey.hops[chosen]) if journey.hops else None,
            _hops(frame, journey, chosen),
            _keys(journey, keys),
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


def _chosen(hops: list[Hop], asked: str) -> int:
    if asked.isdigit() and int(asked) < len(hops):
        return int(asked)
    refused = [index for index, hop in enumerate(hops) if outcome_state(hop.outcome) == "failed"]
    return refused[-1] if refused else len(hops) - 1


def _head(frame: Frame, journey: Journey, keys: list[MaskedKey]) -> Component:
    own = next((key for key in keys if key.kind == journey.kind), None)
    called = own.masked if own else wording.shortened(journey.journey)
    name = f"{journey.kind.replace('_', ' ').capitalize()} {called}"
    patient_class = next(
        (hop.tags["patient_class"] for hop in journey.hops if hop.tags.get("patient_class")), ""
    )
    facility = next((row.facility for row in journey.workflows if row.facility), "")
    facts = [_CLASSES.get(patient_class, patient_class), facility, _certainty(journey.certainty)]
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


def _certainty(certainty: str) -> str:
    return "probable match, not certain" if certainty == "probable" else ""


def _verdict(row: InstanceRow) -> Component:
    more = ""
    if row.state in ("overdue", "failed", "at_risk") and row.step:
        lateness = f"{wording.duration(row.late_s)}: " if row.state == "overdue" and row.late_s else ""
        more = f"{lateness}{row.step}" if lateness else f"· {row.step}"
    return html.Div(components.badge(row.state, more), className=f"verdict {state(row.state).tone}")


def _workflow(frame: Frame, row: InstanceRow) -> Component:
    name = row.title + (f" · occurrence {row.occurrence}" if row.occurrence > 1 else "")
    return html.Section(
        [
            html.Div(
                [
                    html.H2(name),
                    components.badge(row.state),
                    html.Span(
                        ["began ", frame.when(row.started_at), f" · owner {row.owner or 'nobody'}"],
                        className="muted",
                    ),
                ],
                className="section-head",
            ),
            html.Ol([_step(frame, row, step) for step in row.steps], className="steps"),
        ],
        **wild({"data-state": row.state}),
    )


def _step(frame: Frame, row: InstanceRow, step: StepRow) -> Component:
    shown = state(step.state)
    if step.state in ("met", "met_late") and step.at:
        words = wording.duration((step.at - row.started_at).total_seconds())
        words += " after start" if step.state == "met" else f" after start, due {frame.moment(step.deadline)}"
    elif step.state == "overdue" and step.deadline:
        words = (
            f"due {frame.moment(step.deadline)}, {wording.late((frame.now - step.deadline).total_seconds())}"
        )
    elif step.state == "failed":
        reason = ", ".join(part for part in (step.ack_code, wording.phrase(step.reason)) if part)
        words = f"refused {frame.moment(step.at)}" + (f" ({reason})" if reason else "")
    elif step.deadline and step.state in ("pending", "at_risk"):
        words = f"due {frame.moment(step.deadline)}"
    else:
        words = ""
    return html.Li(
        [
            components.mark(step.state),
            html.Div(
                [
                    html.Span(step.name, className="step-name"),
                    html.Span(
                        f"{shown.word}{' · ' if words else ''}{words}", className=f"step-words {shown.tone}"
                    ),
                ]
            ),
        ],
        className=f"step {shown.tone}",
        title=wording.exact(step.at or step.deadline, frame.zone),
        **wild({"data-step": step.name, "data-state": step.state}),
    )


def _road(hop: Hop) -> str:
    return f"{lanes.system_name(hop.source)} → {lanes.system_name(hop.destination)}"


def _hop(frame: Frame, hop: Hop) -> Component:
    code = outcome_state(hop.outcome)
    event = _EVENTS.get(hop.message, "")
    answer = " ".join(part for part in (hop.ack_code, wording.phrase(hop.reason)) if part) or "none seen"
    facts: list[tuple[str, components.Child]] = [
        ("Interface", f"{hop.interface} ({_road(hop)})"),
        ("Sent", wording.exact(hop.at, frame.zone)),
        (
            "Acknowledged",
            [
                components.mark(code),
                f" {answer} · {hop.outcome or 'none'} after {wording.milliseconds(hop.duration_ms)}",
            ],
        ),
        ("Protocol", _PROTOCOLS.get(hop.system, hop.system)),
        ("Control ID", hop.control_id or wording.ABSENT),
        ("Size", f"{wording.count(hop.bytes)} bytes out, {wording.count(hop.ack_bytes)} back"),
        *((f"Measured {name}", f"{value:,.2f}") for name, value in sorted(hop.measures.items())),
        (
            "Trace",
            [
                html.Code(hop.trace_id, title="W3C trace ID; look it up in any OpenTelemetry tool"),
                html.Button(
                    "Copy",
                    className="button small",
                    **wild({"data-copy": hop.trace_id, "aria-label": "Copy trace ID"}),
                ),
            ],
        ),
    ]
    pairs: list[Component] = []
    for term, value in facts:
        pairs.append(html.Div([html.Dt(term), html.Dd(value)]))
    return html.Section(
        [
            html.Div(
                [
                    html.H2(["Hop: ", lanes.hop_label(hop)]),
                    html.Span(event, className="muted"),
                ],
                className="section-head",
            ),
            html.Dl(pairs, className="facts-list"),
            html.P(
                "The message itself was not captured: times, codes and sealed keys only.",
                className="muted",
            ),
        ],
        className=f"hop-details {state(code).tone}",
        id="hop-details",
    )


def _missing(frame: Frame, row: InstanceRow, step: StepRow) -> Component:
    """A line of the list for what should have been seen and was not, in its place by time."""
    assert step.deadline is not None
    return html.Li(
        html.Div(
            [
                components.mark(step.state),
                html.Time(
                    f"{step.deadline.astimezone(frame.zone):%H:%M:%S}",
                    dateTime=step.deadline.isoformat(),
                    title=wording.exact(step.deadline, frame.zone),
                ),
                html.Span(
                    f"→ {lanes.system_name(step.system)}" if step.system else row.title, className="road"
                ),
                html.Span(
                    f"{step.name}: expected by {frame.moment(step.deadline)}, not seen", className="what"
                ),
                html.Span(wording.duration((frame.now - step.deadline).total_seconds()), className="latency"),
            ],
            className=f"hop-line missing {state(step.state).tone}",
        )
    )


def _hops(frame: Frame, journey: Journey, chosen: int) -> Component:
    missing = [
        (step.deadline, _missing(frame, row, step))
        for row in journey.workflows
        for step in row.steps
        if step.state == "overdue" and step.deadline
    ]
    lines = [
        (
            hop.at,
            html.Li(
                components.link(
                    [
                        components.mark(outcome_state(hop.outcome)),
                        html.Time(
                            f"{hop.at.astimezone(frame.zone):%H:%M:%S}",
                            dateTime=hop.at.isoformat(),
                            title=wording.exact(hop.at, frame.zone),
                        ),
                        html.Span(_road(hop), className="road"),
                        html.Span(lanes.hop_label(hop), className="what"),
                        html.Span(
                            wording.milliseconds(hop.duration_ms) if hop.duration_ms else "",
                            className="latency",
                        ),
                    ],
                    f"/encounter/{journey.journey}?hop={index}",
                    className="hop-line chosen" if index == chosen else "hop-line",
                    **wild({"data-row": "1"}),
                )
            ),
        )
        for index, hop in enumerate(journey.hops)
    ]
    ordered = [line for _, line in sorted([*lines, *missing], key=lambda pair: pair[0])]
    return html.Section(
        [
            html.Div(
                [
                    html.H2(f"{wording.plural(len(lines), 'hop')} in order"),
                    html.A(
                        "Download CSV",
                        href=f"/export/encounter/{journey.journey}.csv",
                        className="button small",
                    ),
                ],
                className="section-head",
            ),
            html.Ol(ordered, className="hop-lines"),
        ]
    )


def _keys(journey: Journey, keys: list[MaskedKey]) -> Component:
    shown = [
        html.Li([html.Span(key.kind.replace("_", " "), className="label"), html.Span(key.masked)])
        for key in keys
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


def csv_rows(journey: Journey) -> list[tuple[str, ...]]:
    """Header and a row per hop; times in UTC as ISO 8601."""
    head = (
        "at", "end", "interface", "source", "destination", "message", "operation", "outcome", "ack_code",
        "reason", "control_id", "duration_ms", "bytes", "ack_bytes", "trace_id", "span_id",
    )  # fmt: skip
    return [
        head,
        *(
            (
                hop.at.isoformat(),
                hop.end.isoformat(),
                hop.interface,
                hop.source,
                hop.destination,
                hop.message,
                hop.operation,
                hop.outcome,
                hop.ack_code,
                hop.reason,
                hop.control_id,
                f"{hop.duration_ms:.3f}",
                str(hop.bytes),
                str(hop.ack_bytes),
                hop.trace_id,
                hop.span_id,
            )
            for hop in journey.hops
        ),
    ]
