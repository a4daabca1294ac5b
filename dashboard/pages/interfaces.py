"""The catalogue as it is known from traffic: what each interface carries, how fast, how often refused,
when last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.components import wild
from dashboard.pages import engines as engine_parts
from dashboard.pages.frame import Frame, heading
from dashboard.states import severity, state
from dashboard.traffic import InterfaceRow
from tracing.engines import ChannelRow, EngineRow

CSV_COLUMNS = (
    "interface", "source", "destination", "protocol", "messages", "state", "last_seen", "per_minute",
    "usual_per_minute", "error_rate", "latency_p50_ms", "latency_p90_ms", "latency_p99_ms", "messages_24h",
    "errors_24h",
)  # fmt: skip

_PROTOCOLS = {"hl7v2": "HL7 v2", "http": "HTTP", "x12": "X12", "database": "Database"}
_HEADS = (
    ("Interface", ""),
    ("State", ""),
    ("Last seen", "number"),
    ("Now", "number"),
    ("Usual", "number"),
    ("Refused", "number"),
    ("Latency p50", "number"),
    ("p99", "number"),
    ("24 h", "number"),
)


def view(frame: Frame, lines: Sequence[InterfaceRow], engines: Sequence[EngineRow] = ()) -> Component:
    """The table, worst first, then what engines say; on a phone each row becomes a card."""
    carried = engine_parts.by_interface(engines)
    ordered = sorted(lines, key=lambda line: (severity(line.state), line.name))
    table = html.Table(
        [
            html.Thead(
                html.Tr([html.Th(word, className=kind or None, scope="col") for word, kind in _HEADS])
            ),
            html.Tbody([_row(frame, line, carried) for line in ordered]),
        ],
        className="cards",
    )
    return html.Div(
        [
            heading(
                "Interfaces",
                html.A("Download CSV", href="/export/interfaces.csv", className="button"),
                lead="From traffic. Now: the last 15 minutes; usual: the same hour of the last week.",
            ),
            table
            if ordered
            else components.nothing(
                "No interface has spoken in the last week",
                "Point a tap at one: caretrail tap shows how. The first message makes it appear here.",
            ),
            *engine_parts.section(frame, engines),
        ]
    )


def _row(frame: Frame, line: InterfaceRow, carried: Mapping[str, ChannelRow]) -> Component:
    road = f"{line.source or '?'} → {line.destination or '?'}"
    carries = " · ".join((_PROTOCOLS.get(line.protocol, line.protocol), ", ".join(line.messages[:4]))).strip(
        " ·"
    )
    silence = (frame.now - line.last_seen).total_seconds() if line.last_seen else None
    refused_title = f"{wording.count(line.errors_24h)} of {wording.count(line.messages_24h)} in 24 hours"

    def cell(label: str, value: str, tone: str = "", hint: str = "") -> Component:
        return html.Td(value, className=f"number {tone}".strip(), title=hint, **wild({"data-label": label}))

    return html.Tr(
        [
            html.Th(
                [
                    html.Strong(line.name),
                    html.Span(road, className="road"),
                    html.Span(carries, className="muted"),
                    *engine_parts.note(line.name, carried),
                    *_clock(frame, line),
                ],
                scope="row",
            ),
            html.Td(components.badge(line.state), **wild({"data-label": "State"})),
            cell(
                "Last seen",
                f"{wording.duration(silence)} ago" if silence is not None else wording.ABSENT,
                hint=wording.exact(line.last_seen, frame.zone),
            ),
            cell("Now", wording.rate(line.rate)),
            cell("Usual", wording.rate(line.usual)),
            cell(
                "Refused",
                wording.percent(line.error_rate),
                state(line.state).tone if line.state in ("at_risk", "failed") else "",
                refused_title,
            ),
            cell("Latency p50", wording.milliseconds(line.latency_p50_ms)),
            cell("p99", wording.milliseconds(line.latency_p99_ms)),
            cell("24 h", wording.count(line.messages_24h)),
        ],
        **wild({"data-interface": line.name}),
    )


def _clock(frame: Frame, line: InterfaceRow) -> list[Component]:
    clock = line.clock
    if clock is None or not clock.is_corrected:
        return []
    said = f"clock {clock.words}, taken off by workflows"
    exact = f"Since {wording.exact(clock.since, frame.zone)}, exact to {clock.within_ms} ms; tap {clock.tap}"
    return [html.Span(said, className="muted", title=exact)]


def csv_rows(lines: Sequence[InterfaceRow]) -> list[tuple[str, ...]]:
    """Header and rows; rates per minute, shares 0 to 1, empty where nothing is known."""

    def text(value: float | None) -> str:
        return "" if value is None else f"{value:.6g}"

    return [
        CSV_COLUMNS,
        *(
            (
                line.name,
                line.source,
                line.destination,
                line.protocol,
                " ".join(line.messages),
                line.state,
                line.last_seen.isoformat() if line.last_seen else "",
                text(line.rate),
                text(line.usual),
                text(line.error_rate),
                text(line.latency_p50_ms),
                text(line.latency_p90_ms),
                text(line.latency_p99_ms),
                str(line.messages_24h),
                str(line.errors_24h),
            )
            for line in lines
        ),
    ]
