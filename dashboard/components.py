"""The three parts that Dash does not have: a drawing (SVG), an icon of a state, and the age of the data.

The browser's side is `assets/caretrail.js`.  A drawing is a tree of plain lists, `[tag, attributes, child…]`,
made by the server and put into the page as real SVG elements, so that a refresh changes them in place.
Text in a tree is text: nothing here can carry markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard import wording
from dashboard.states import state

Node = list[Any]
Part = Component | str | int | float | None
Child = Part | Sequence[Part]
# A day with its time, and an amount with its unit or units: `2026-11-23 10:28`, `13 h 33 min`, `95.0 %`.
_HANGS_TOGETHER = re.compile(
    r"(\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?)?|\d[\d.,]* (?:%|(?:ms|s|min|m|h|d)\b)(?: \d+ (?:min|m|h)\b)?)"
)


def plain(part: Child) -> list[Any]:
    """A page as the tree that `Drawing` puts into the document.

    Dash mounts a component's children anew whenever they change: numbers would flicker, an opened note would
    close, the focus would be lost. As a tree they are compared element by element and change in place.
    Elements with a `data-key` keep their identity when a list reorders. Only HTML and drawings may stand in
    a page.
    """
    if part is None:
        return []
    if isinstance(part, Drawing):
        return [part.to_plotly_json()["props"]["spec"]]  # type: ignore[no-untyped-call]
    if isinstance(part, Component):
        props = dict(part.to_plotly_json()["props"])  # type: ignore[no-untyped-call]
        inside = plain(props.pop("children", None))
        return [[part._type.lower(), props, *inside]]
    if isinstance(part, Sequence) and not isinstance(part, str):
        return [node for each in part for node in plain(each)]
    return [str(part)]


def wild(attributes: dict[str, str]) -> dict[str, Any]:
    """`aria-*` and `data-*` attributes as keyword arguments: Dash takes them, its types do not know them."""
    return dict(attributes)


class Drawing(Component):
    """An SVG tree.  spec: `["svg", {"viewBox": …}, child…]`, attribute names as React spells them."""

    _namespace = "caretrail"
    _type = "Drawing"
    _children_props: list[str] = []  # noqa: RUF012  (as the base class declares it)
    _base_nodes: list[str] = []  # noqa: RUF012

    def __init__(self, spec: Node, id: str | None = None) -> None:
        self._prop_names = ["id", "spec"]
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = ["id", "spec"]
        self.available_wildcard_properties: list[str] = []
        super().__init__(**({"id": id} if id else {}), spec=spec)  # type: ignore[no-untyped-call]


class Freshness(Component):
    """The clock and the age of what is shown; it keeps counting when the server no longer answers.

    data: {"takenAt", "now": epoch milliseconds, "promise": seconds, "zone", "error", "title"}.
    """

    _namespace = "caretrail"
    _type = "Freshness"
    _children_props: list[str] = []  # noqa: RUF012  (as the base class declares it)
    _base_nodes: list[str] = []  # noqa: RUF012

    def __init__(self, id: str, data: dict[str, Any] | None = None) -> None:
        self._prop_names = ["id", "data"]
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = ["id", "data"]
        self.available_wildcard_properties: list[str] = []
        super().__init__(id=id, data=data or {})  # type: ignore[no-untyped-call]


_SHAPES: dict[str, Node] = {
    "disc": ["circle", {"cx": 8, "cy": 8, "r": 6}],
    "square": ["rect", {"x": 2, "y": 2, "width": 12, "height": 12, "rx": 1}],
    "triangle": ["path", {"d": "M8 1.6 15.2 14.2H.8Z"}],
    "cross": ["path", {"d": "M3 3 13 13M13 3 3 13", "className": "line"}],
    "check": ["path", {"d": "M2.5 8.6 6.4 12.5 13.5 4", "className": "line"}],
    "ring": ["circle", {"cx": 8, "cy": 8, "r": 5.6, "className": "line dotted"}],
    "dash": ["path", {"d": "M3 8H13", "className": "line"}],
    "barred": [
        "path",
        {"d": "M3.8 12.2 12.2 3.8M14 8A6 6 0 1 1 2 8A6 6 0 1 1 14 8", "className": "line thin"},
    ],
}


def shape(code: str) -> Node:
    """The bare 16×16 shape of a state, for use inside a larger drawing."""
    return _SHAPES[state(code).shape]


def mark(code: str) -> Component:
    """The shape of a state in its colour; hidden from screen readers, because the word stands beside it."""
    shown = state(code)
    return Drawing(
        [
            "svg",
            {"className": f"mark {shown.tone}", "viewBox": "0 0 16 16", "aria-hidden": "true"},
            shape(code),
        ]
    )


def badge(code: str, more: str = "") -> Component:
    """Shape and word of a state, with what else there is to say (`overdue 38 m`)."""
    shown = state(code)
    words = f"{shown.word} {more}".strip()
    return html.Span([mark(code), html.Span(words, className="word")], className=f"badge {shown.tone}")


def when(at: datetime | None, zone: tzinfo, now: datetime, prefix: str = "") -> Component:
    """A time, short, with the exact one and its zone on hover."""
    if at is None:
        return html.Span(wording.ABSENT, className="muted")
    return html.Time(
        prefix + wording.moment(at, zone, now), dateTime=at.isoformat(), title=wording.exact(at, zone)
    )


def link(children: Child, href: str, className: str = "", **more: Any) -> Component:
    """An anchor that changes the page without loading it again (and still is a real link with an address)."""
    return html.A(children, href=href, className=className or None, **wild({"data-nav": "1"}), **more)


def sparkline(values: list[float | None], title: str, low: float | None = None, tone: str = "") -> Component:
    """A line of shares beside its number; None leaves a gap, the last value gets a dot.

    The scale reaches from `low` (or the smallest value, rounded down to a tenth) to 1, so that 97 and 99 per
    cent can be told apart; the title says what is drawn.
    """
    width, height, pad = 160.0, 36.0, 3.0
    known = [value for value in values if value is not None]
    children: list[Node] = [["title", {}, title]]
    if known:
        floor = low if low is not None else min(0.9, int(min(known) * 10) / 10)
        ceiling = max(1.0, max(known))
        step = (width - 2 * pad) / max(1, len(values) - 1)

        def place(index: int, value: float) -> tuple[float, float]:
            share = (max(value, floor) - floor) / ((ceiling - floor) or 1.0)
            return round(pad + index * step, 1), round(height - pad - share * (height - 2 * pad), 1)

        pieces: list[list[tuple[float, float]]] = [[]]
        for index, value in enumerate(values):
            if value is None:
                pieces.append([])
            else:
                pieces[-1].append(place(index, value))
        path = "".join(
            "M" + "L".join(f"{x} {y}" for x, y in piece) + ("h.1" if len(piece) == 1 else "")
            for piece in pieces
            if piece
        )
        x, y = next(piece[-1] for piece in reversed(pieces) if piece)
        children += [
            ["path", {"d": f"M{pad} {height - pad}H{width - pad}", "className": "spark-base"}],
            ["path", {"d": path, "className": "spark-line"}],
            ["path", {"d": f"M{x} {y}h.01", "className": "spark-dot"}],
        ]
    return Drawing(
        [
            "svg",
            {
                "className": f"spark {tone}",
                "viewBox": f"0 0 {width:.0f} {height:.0f}",
                "preserveAspectRatio": "none",
                "role": "img",
            },
            *children,
        ]
    )


def sized(text: str) -> list[Part]:
    """`1 d 2 h` with its numbers large and its units small; digits grouped by thin spaces stay together."""
    parts: list[Part] = []
    for word in text.split(wording.NBSP):
        unit = bool(parts) and (word[:1].isalpha() or word == "%")
        parts.append(html.Small(wording.NBSP + word) if unit else word)
    return parts


def definition(term: str, text: Child, name: str) -> Component:
    """What a number means, one click away.  name: groups the notes so that opening one closes the other."""
    return html.Details(
        [
            html.Summary("what is this?", **wild({"aria-label": f"Definition of {term}"})),
            html.Div(text, className="note"),
        ],
        className="definition",
        **wild({"data-group": name}),
    )


def sentence(text: str) -> Child:
    """A sentence for people: its dates and amounts do not part at the end of a line."""
    parts = _HANGS_TOGETHER.split(text)
    if len(parts) == 1:
        return text
    return [
        html.Span(part, className="whole") if place % 2 else part for place, part in enumerate(parts) if part
    ]


def nothing(headline: str, advice: str, code: str = "unknown") -> Component:
    """An empty, failed or forbidden part of a page: says what it means and what to do."""
    return html.Div(
        [mark(code), html.Div([html.Strong(headline), html.P(advice)])], className="nothing", role="status"
    )
