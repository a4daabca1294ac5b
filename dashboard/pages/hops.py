"""The hops of an encounter: the chosen one in full, all of them in order, and what was not among them.

Called by the encounter page and its CSV.  Shows codes, times and sizes; of a message only whether it is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dash import html
from dash.development.base_component import Component

from dashboard import components, lanes, lineage, wording
from dashboard.components import wild
from dashboard.lineage import Cause, Lineage
from dashboard.pages.frame import Frame
from dashboard.pages.identity import reveal
from dashboard.states import outcome_state, state
from slo.workflows.rows import Hop, InstanceRow, Journey, StepRow

_PROTOCOLS = {"hl7v2": "HL7 v2 over MLLP", "http": "HTTP", "x12": "X12 file"}
_EVENTS = {
    "ADT^A01": "admission", "ADT^A03": "discharge", "ADT^A13": "discharge cancelled", "ADT^A08": "update",
    "DFT^P03": "charges", "837": "claim", "999": "claim file acknowledged", "277CA": "claim acknowledged",
    "835": "remittance",
}  # fmt: skip


def _road(hop: Hop) -> str:
    return f"{lanes.system_name(hop.source)} → {lanes.system_name(hop.destination)}"


def details(
    frame: Frame,
    journey: Journey,
    chosen: int,
    came_of: Lineage,
    kept: Collection[str] = (),
    may_reveal: bool = False,
) -> Component:
    """Everything known of one hop, and of what it came and led to. kept: spans whose message was kept."""
    hop = journey.hops[chosen]
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
            _lineage(frame, journey, chosen, came_of),
            _message(journey, hop, hop.span_id in kept, may_reveal),
        ],
        className=f"hop-details {state(code).tone}",
        id="hop-details",
    )


def _message(journey: Journey, hop: Hop, kept: bool, may_reveal: bool) -> Component:
    if not kept:
        return html.P(
            "The message itself was not captured: times, codes and sealed keys only.", className="muted"
        )
    if not may_reveal:
        return html.P("The message was kept, sealed; an engineer may open it.", className="muted")
    return reveal("message", journey.journey, hop.span_id, "Open the message")


def _lineage(frame: Frame, journey: Journey, chosen: int, came_of: Lineage) -> Component | None:
    """What led to a hop and what it led to, each with the evidence and how sure that is."""

    def line(word: str, other: int, one: Cause) -> Component:
        hop = journey.hops[other]
        return html.Li(
            [
                html.Span(word, className="label"),
                components.link(
                    [html.Strong(hop.message or hop.operation), f" {_road(hop)} ", frame.when(hop.at)],
                    f"/encounter/{journey.journey}?hop={other}",
                ),
                html.Span(lineage.words(one.arrow), className="muted"),
            ],
            className=one.arrow.certainty,
        )

    lines = [line("Came of", one.cause, one) for one in came_of.to.get(chosen, ())]
    lines += [line("Led to", one.effect, one) for one in came_of.of.get(chosen, ())]
    return html.Ul(lines, className="came-of", id="came-of") if lines else None


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


def _cause(frame: Frame, journey: Journey, causes: Sequence[Cause]) -> Component | None:
    if not causes:
        return None
    one = max(causes, key=lambda each: each.arrow.confidence)
    hop = journey.hops[one.cause]
    others = f" and {len(causes) - 1} more" if len(causes) > 1 else ""
    at = f"{hop.at.astimezone(frame.zone):%H:%M:%S}"
    return html.Span(
        [
            f"↳ of {hop.message or hop.operation} {at}{others}, {one.arrow.certainty}",
            html.Span(f": {one.arrow.evidence}", className="because"),
        ],
        className="cause",
        **wild({"data-certainty": one.arrow.certainty}),
    )


def listing(frame: Frame, journey: Journey, chosen: int, came_of: Lineage) -> Component:
    """All hops by time, with what each came of, and overdue steps where they were due."""
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
                        _cause(frame, journey, came_of.to.get(index, ())),
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
        ],
        className="hop-listing",
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
