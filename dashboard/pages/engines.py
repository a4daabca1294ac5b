"""What integration engines say of themselves, below the interfaces: queues, errors, filters, connections.

Called by the interfaces page. A reading that is not fresh is shown with its age and as unknown, never green.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from dashboard import components, wording
from dashboard.components import wild
from dashboard.pages.frame import Frame
from dashboard.states import severity, state
from tracing.engines import ChannelRow, EngineRow

_BROKEN = ("disconnected", "failure")
_HEADS = (
    ("Channel", ""),
    ("State", ""),
    ("Connection", ""),
    ("Queued", "number"),
    ("Deepest in 24 h", "number"),
    ("Errored 24 h", "number"),
    ("Filtered 24 h", "number"),
    ("Received 24 h", "number"),
    ("Sent 24 h", "number"),
    ("Read", "number"),
)


def judge(channel: ChannelRow) -> str:
    """failed: messages wait behind a broken connection; at_risk: it errored within the hour; or fine.

    A connection that is closed while nothing waits is how many connectors rest, and no trouble. A channel
    that somebody stopped is not called failed: `stopped`, `paused` and `undeployed` are said as they are.
    What was not read lately is unknown.
    """
    if not channel.fresh:
        return "unknown"
    if channel.state != "started":
        return channel.state or "unknown"
    if any(one.queued and one.connection in _BROKEN for one in channel.connectors):
        return "failed"
    return "at_risk" if channel.errored_1h else "on_track"


def by_interface(engines: Sequence[EngineRow]) -> dict[str, ChannelRow]:
    """The channel that carries each interface the settings name."""
    return {
        channel.interface: channel for engine in engines for channel in engine.channels if channel.interface
    }


def note(name: str, carried: Mapping[str, ChannelRow]) -> list[Component]:
    """What to say under an interface's name: what waits for it inside the engine."""
    channel = carried.get(name)
    if channel is None or not channel.fresh:
        return []
    words = [f"{wording.count(channel.queued)} queued in the engine"]
    if channel.errored_1h:
        words.append(f"{wording.count(channel.errored_1h)} errored in the last hour")
    if channel.connection in _BROKEN:
        words.append(channel.connection)
    return [html.Span(" · ".join(words), className="muted")]


def section(frame: Frame, engines: Sequence[EngineRow]) -> list[Component]:
    """Every engine with a table of its channels, worst first; nothing where no engine is read."""
    return [part for engine in engines for part in _engine(frame, engine)]


def _engine(frame: Frame, engine: EngineRow) -> list[Component]:
    age = (frame.now - engine.at).total_seconds()
    if engine.state == "up" and engine.fresh:
        lead = f"As the engine counts, read {wording.duration(age)} ago."
    elif engine.state == "refused":
        lead = "The engine does not let us in: look at the user, its password and its rights."
    elif engine.state == "away":
        since = f" since {wording.moment(engine.since, frame.zone, frame.now)}" if engine.since else ""
        lead = f"The engine does not answer{since}. What it said before is not shown as if it were now."
    else:
        lead = f"Not read for {wording.duration(age)}: is the collector running?"
    rows = sorted(engine.channels, key=lambda channel: (severity(judge(channel)), channel.name))
    table = html.Table(
        [
            html.Thead(
                html.Tr([html.Th(word, className=kind or None, scope="col") for word, kind in _HEADS])
            ),
            html.Tbody([_row(frame, engine, channel) for channel in rows]),
        ],
        className="cards",
    )
    title = html.H2(f"Engine {engine.name}")
    said = html.P(lead, className="muted")
    parts = [html.Div([title, said], className="title"), *([table] if rows else [])]
    return [html.Section(parts, className="engine", **wild({"data-engine": engine.name}))]


def _row(frame: Frame, engine: EngineRow, channel: ChannelRow) -> Component:
    code = judge(channel)
    tone = state(code).tone
    age = wording.duration((frame.now - channel.at).total_seconds())
    deep = [one for one in channel.connectors if one.queued]
    where = ", ".join(f"{one.name} {wording.count(one.queued)}" for one in deep)

    def cell(label: str, value: str, hint: str = "", tone: str = "") -> Component:
        return html.Td(value, className=f"number {tone}".strip(), title=hint, **wild({"data-label": label}))

    return html.Tr(
        [
            html.Th(
                [
                    html.Strong(channel.name),
                    html.Span(f"carries {channel.interface}" if channel.interface else "", className="muted"),
                ],
                scope="row",
            ),
            html.Td(components.badge(code), **wild({"data-label": "State"})),
            html.Td(_connection(frame, channel), **wild({"data-label": "Connection"})),
            cell(
                "Queued",
                wording.count(channel.queued),
                where,
                tone if channel.queued and code == "failed" else "",
            ),
            cell("Deepest in 24 h", wording.count(channel.deepest_24h)),
            cell(
                "Errored 24 h",
                wording.count(channel.errored_24h),
                f"{wording.count(channel.errored)} since the counters were cleared",
                tone if channel.errored_1h and code == "at_risk" else "",
            ),
            cell("Filtered 24 h", wording.count(channel.filtered_24h)),
            cell("Received 24 h", wording.count(channel.received_24h)),
            cell("Sent 24 h", wording.count(channel.sent_24h)),
            cell("Read", f"{age} ago", wording.exact(channel.at, frame.zone)),
        ],
        **wild({"data-channel": f"{engine.name}/{channel.name}"}),
    )


def _connection(frame: Frame, channel: ChannelRow) -> list[Component]:
    """The worst connection, of which connector, and since when."""
    word = channel.connection
    if not word or not channel.fresh:
        return [html.Span(wording.ABSENT, className="muted")]
    one = next(one for one in channel.connectors if one.connection == word)
    since = f" since {wording.moment(one.since, frame.zone, frame.now)}" if one.since else ""
    return [html.Span([word, html.Span(f" {one.name}{since}", className="muted")])]
