"""The swim lanes of an encounter: a lane per system, each hop at its time, and what was expected where it
should be.

Pure geometry from rows to a drawing (see `dashboard.components.Drawing`); called by the encounter page. The
axis is ordered, not linear: near events are spread so that they can be read, gaps of half an hour and more
fold, and the time printed above each column is what is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import pairwise

from dashboard import lineage, wording
from dashboard.components import Node, shape
from dashboard.lineage import Lineage
from dashboard.states import outcome_state, state
from slo.workflows.rows import Hop, Journey, StepRow

_LEFT, _TOP, _LANE, _RIGHT = 128.0, 54.0, 66.0, 40.0
_WIDTH = 1180.0
_TALLEST = 544.0
_FOLD_S = 1800.0
_LETTER = 8.3
_NAMES = {"ehr": "EHR", "erp": "ERP", "clearinghouse": "clearing house"}


@dataclass(frozen=True, slots=True)
class Column:
    """One moment on the axis.  kind: hop, expected or now; lane_from is -1 where nothing was sent."""

    at: datetime
    kind: str
    lane_from: int
    lane: int
    code: str
    label: str
    detail: str
    index: int = -1
    count: int = 1
    first: int = -1

    def holds(self, index: int) -> bool:
        """Whether a hop, by its place in the list, is drawn here: one sent again and again is one column."""
        return 0 <= self.first <= index <= self.index


@dataclass(slots=True)
class Layout:
    """Columns with their x, the lanes' names and middles, the folds (x, seconds), the size in pixels, and the
    lineage: arrows by (column of the cause, column of the effect, road, the arrow).
    """

    lanes: list[str]
    columns: list[Column]
    xs: list[float]
    folds: list[tuple[float, float]] = field(default_factory=list)
    width: float = _WIDTH
    height: float = 0.0
    middles: list[float] = field(default_factory=list)
    ways: list[tuple[int, int, int, lineage.Cause]] = field(default_factory=list)

    def y(self, lane: int) -> float:
        """Middle of a lane."""
        return self.middles[lane]


def system_name(system: str) -> str:
    """A system's short name as people say it."""
    return _NAMES.get(system, system or "elsewhere")


def hop_label(hop: Hop) -> str:
    """`DFT^P03 → AA`, `POST /journals → 422`; a hop without acknowledgement says so."""
    what = hop.message or hop.operation or "message"
    if hop.ack_code:
        return f"{what} → {hop.ack_code}"
    return what if hop.outcome in ("accepted", "") else f"{what} → {hop.outcome}"


def lay_out(journey: Journey, zone: tzinfo, now: datetime, came_of: Lineage | None = None) -> Layout:
    """Places everything; `now` is a column of its own while something is still expected."""
    lanes = _lanes(journey)
    columns = _hop_columns(journey.hops, lanes)
    seen: set[tuple[str, datetime]] = set()
    for row in journey.workflows:
        for step in row.steps:
            if step.deadline is None or step.state not in ("overdue", "pending", "at_risk"):
                continue
            if (step.name, step.deadline) not in seen:
                seen.add((step.name, step.deadline))
                columns.append(_expected(step, lanes, zone, now))
    if any(column.kind == "expected" for column in columns):
        columns.append(Column(now, "now", -1, -1, "unknown", "now", ""))
    columns.sort(key=lambda column: (column.at, column.kind))
    xs, folds = _spread(columns)
    ends = [x + 16 + _letters(column) * _LETTER for column, x in zip(columns, xs, strict=True)]
    width = max([_WIDTH, *(x + _RIGHT for x in xs), *(end + 8 for end in ends)])
    places = {
        index: place
        for place, column in enumerate(columns)
        for index in range(column.first, column.index + 1)
        if column.kind == "hop"
    }
    ways = lineage.ways(came_of or Lineage(), places, [column.lane for column in columns], xs)
    roads: dict[int, int] = {}
    for cause, _, road, _ in ways:
        roads[columns[cause].lane] = max(road, roads.get(columns[cause].lane, 0))
    middles, top = [], _TOP
    for lane in range(max(1, len(lanes))):
        middles.append(top + _LANE / 2)
        top += _LANE + lineage.APART * roads.get(lane, 0)
    return Layout(lanes, columns, xs, folds, width, top + 8, middles, ways)


def draw(
    layout: Layout,
    zone: tzinfo,
    chosen: int,
    href: Callable[[int], str],
    description: str,
    kin: Container[tuple[int, int]] = (),
) -> Node:
    """The SVG tree.  chosen: index of the selected hop; href: address that selects a hop; kin: the arrows
    (cause, effect) that belong to it.
    """
    nodes: list[Node] = [["title", {}, description]]
    for number in range(len(layout.lanes)):
        y = layout.y(number)
        nodes.append(["line", {"x1": _LEFT, "x2": layout.width - 8, "y1": y, "y2": y, "className": "lane"}])
    for x, seconds in layout.folds:
        nodes.append(_fold(x, seconds, layout.height))
    nodes.extend(_axis(layout, zone))
    for column, x in zip(layout.columns, layout.xs, strict=True):
        if column.kind == "now":
            ends = {"x1": x, "x2": x, "y1": _TOP - 8, "y2": layout.height - 6}
            nodes.append(["line", {**ends, "className": "now-line"}])
    arrows: dict[int, list[Node]] = {}
    said: dict[int, list[str]] = {}
    for cause, effect, road, one in layout.ways:
        start = (layout.xs[cause], layout.y(layout.columns[cause].lane))
        end = (layout.xs[effect] - 12, layout.y(layout.columns[effect].lane_from))
        near = (one.cause, one.effect) in kin
        arrows.setdefault(effect, []).extend(lineage.draw(start, end, road, one.arrow, near))
        said.setdefault(effect, []).append(
            f"came of {layout.columns[cause].label.split(' → ')[0]}, {lineage.words(one.arrow)}"
        )
    for place, (column, x) in enumerate(zip(layout.columns, layout.xs, strict=True)):
        if column.kind == "expected":
            nodes.append(_expectation(layout, column, x, zone))
        elif column.kind == "hop":
            more = (arrows.get(place, []), "; ".join(said.get(place, [])))
            nodes.append(_hop(layout, column, x, zone, chosen, href, more))
    for number, name in enumerate(layout.lanes):
        below = layout.y(number) + 5
        # What scrolls by underneath must not be read together with the name.
        plate = {"x": 0, "y": below - 22, "width": _LEFT - 14, "height": 32, "className": "lane-plate"}
        nodes.append(["rect", plate])
        nodes.append(["text", {"x": 8, "y": below, "className": "lane-name"}, system_name(name)])
    # A short story fills the width up to a height; a tall one is never drawn smaller than it is, or what is
    # told in its own units (how far it has been scrolled) would be off.
    tallest = max(_TALLEST, layout.height)
    style = {"minWidth": f"{layout.width:.0f}px", "maxHeight": f"{tallest:.0f}px"}
    size = {"viewBox": f"0 0 {layout.width:.0f} {layout.height:.0f}", "style": style}
    return ["svg", {"className": "lanes", "role": "group", "aria-label": description, **size}, *nodes]


def _lanes(journey: Journey) -> list[str]:
    names: list[str] = []
    for hop in journey.hops:
        for name in (hop.source, hop.destination):
            if name not in names:
                names.append(name)
    for row in journey.workflows:
        for step in row.steps:
            if step.system and step.system not in names:
                names.append(step.system)
    return names or [""]


def _hop_columns(hops: Sequence[Hop], lanes: list[str]) -> list[Column]:
    """A column per hop; the same hop sent again and again with nothing between is one, with a count."""
    columns: list[Column] = []
    before: tuple[str, ...] | None = None
    for index, hop in enumerate(hops):
        same = (hop.interface, hop.message, hop.operation, hop.outcome, hop.ack_code, hop.reason)
        if same == before and columns:
            last = columns[-1]
            columns[-1] = Column(
                last.at,
                "hop",
                last.lane_from,
                last.lane,
                last.code,
                last.label,
                last.detail,
                index,
                last.count + 1,
                last.first,
            )
            continue
        before = same
        columns.append(
            Column(
                hop.at,
                "hop",
                lanes.index(hop.source),
                lanes.index(hop.destination),
                outcome_state(hop.outcome),
                hop_label(hop),
                wording.milliseconds(hop.duration_ms) if hop.duration_ms else "",
                index,
                first=index,
            )
        )
    return columns


def _expected(step: StepRow, lanes: list[str], zone: tzinfo, now: datetime) -> Column:
    assert step.deadline is not None
    lane = lanes.index(step.system) if step.system in lanes else len(lanes) - 1
    due = wording.moment(step.deadline, zone, now)
    detail = f"expected by {due}, not seen" if step.state == "overdue" else f"due {due}"
    return Column(step.deadline, "expected", -1, lane, step.state, step.name, detail)


def _spread(columns: list[Column]) -> tuple[list[float], list[tuple[float, float]]]:
    xs: list[float] = []
    folds: list[tuple[float, float]] = []
    ends: dict[int, float] = {}
    before: Column | None = None
    for column in columns:
        x = _LEFT + 26
        if before is not None:
            gap = (column.at - before.at).total_seconds()
            x = xs[-1] + (118 if gap >= _FOLD_S else 44 + 22 * math.log10(1 + max(gap, 0.0)))
            # The line of a hop crosses the lanes between: no words may stand there.
            crossed = {column.lane, column.lane_from} - {-1}
            for lane in range(min(crossed, default=0), max(crossed, default=-1) + 1):
                x = max(x, ends.get(lane, 0.0) + 20)
            if gap >= _FOLD_S:
                folds.append((len(xs), gap))
        xs.append(x)
        words = _letters(column)
        if column.lane >= 0:
            ends[column.lane] = x + 16 + words * _LETTER
        before = column
    if not xs:
        return [], []
    # A short story fills the width; the last column keeps room for its words.
    last_words = max(
        (ends.get(column.lane, 0.0) - x)
        for column, x in zip(columns, xs, strict=True)
        if column is columns[-1]
    )
    reach = max(*(end for end in ends.values()), xs[-1] + max(last_words, 24.0)) if ends else xs[-1]
    overhang = max(reach - xs[-1], 0.0)
    span = xs[-1] - xs[0]
    room = _WIDTH - _RIGHT - overhang - xs[0]
    if room > span > 0:
        xs = [xs[0] + (x - xs[0]) * room / span for x in xs]
    placed = [((xs[int(position) - 1] + xs[int(position)]) / 2, gap) for position, gap in folds]
    return xs, placed


def _letters(column: Column) -> int:
    return max(len(column.label) + (5 if column.count > 1 else 0), len(column.detail))


def _axis(layout: Layout, zone: tzinfo) -> list[Node]:
    """Times above the columns, as many as fit; what is expected and now come first."""
    order = sorted(
        range(len(layout.columns)), key=lambda index: (layout.columns[index].kind == "hop", layout.xs[index])
    )
    taken: list[float] = []
    nodes: list[Node] = []
    days = {column.at.astimezone(zone).date() for column in layout.columns}
    for index in order:
        column, x = layout.columns[index], layout.xs[index]
        if any(abs(x - other) < 62 for other in taken):
            continue
        taken.append(x)
        local = column.at.astimezone(zone)
        nodes.append(
            [
                "text",
                {"x": x, "y": 34, "className": f"tick at-{column.kind}", "textAnchor": "middle"},
                "now " + f"{local:%H:%M}"
                if column.kind == "now"
                else f"{local:%H:%M:%S}"[: 8 if column.kind == "hop" else 5],
            ]
        )
        if len(days) > 1:
            nodes.append(
                [
                    "text",
                    {"x": x, "y": 18, "className": "tick day", "textAnchor": "middle"},
                    f"{local:%a} {local.day} {local:%b}",
                ]
            )
    return nodes


def _fold(x: float, seconds: float, height: float) -> Node:
    zigzag = "".join(
        f"L{x + (4 if step % 2 else -4):.1f} {y}"
        for step, y in enumerate(range(int(_TOP), int(height) - 6, 9))
    )
    return [
        "g",
        {"className": "fold"},
        ["title", {}, f"{wording.duration(seconds)} without a message"],
        ["path", {"d": f"M{x} {_TOP - 6}{zigzag}"}],
        ["text", {"x": x, "y": _TOP - 12, "textAnchor": "middle"}, f"⋯ {wording.duration(seconds)}"],
    ]


def _icon(code: str, x: float, y: float, size: float = 18) -> Node:
    return [
        "svg",
        {
            "x": x - size / 2,
            "y": y - size / 2,
            "width": size,
            "height": size,
            "viewBox": "0 0 16 16",
            "className": f"mark {state(code).tone}",
        },
        shape(code),
    ]


def _hop(
    layout: Layout,
    column: Column,
    x: float,
    zone: tzinfo,
    chosen: int,
    href: Callable[[int], str],
    came_of: tuple[list[Node], str],
) -> Node:
    """A hop with the arrows that lead to it, so that they light up together."""
    y_from, y = layout.y(column.lane_from), layout.y(column.lane)
    tone = state(column.code).tone
    times = f" ×{column.count}" if column.count > 1 else ""
    words = f"{column.label}{times}"
    said = f"{wording.exact(column.at, zone)} {words}, {state(column.code).word} {column.detail}"
    if came_of[1]:
        said = f"{said}; {came_of[1]}"
    parts: list[Node] = [["title", {}, said]]
    wide = 18 + max(len(words), len(column.detail)) * _LETTER
    parts.append(
        ["rect", {"x": x - 14, "y": y - 21, "width": wide + 18, "height": 44, "rx": 6, "className": "plate"}]
    )
    if column.lane_from != column.lane:
        tip = y - 11 if y > y_from else y + 11
        start = y_from + (9 if y > y_from else -9)
        parts.append(
            ["path", {"d": f"M{x - 12} {y_from}Q{x} {start} {x} {tip}", "className": f"arrow {tone}"}]
        )
        parts.append(["circle", {"cx": x - 12, "cy": y_from, "r": 3.5, "className": "sent"}])
    parts.append(_icon(column.code, x, y))
    parts.append(["text", {"x": x + 15, "y": y - 3, "className": f"hop-label {tone}"}, words])
    parts.append(["text", {"x": x + 15, "y": y + 14, "className": "hop-detail"}, column.detail])
    parts.extend(came_of[0])
    return [
        "a",
        {
            "href": href(column.index),
            "data-nav": "1",
            "data-hop": column.index,
            "aria-label": said,
            "className": "hop chosen" if column.holds(chosen) else "hop",
        },
        *parts,
    ]


def _expectation(layout: Layout, column: Column, x: float, zone: tzinfo) -> Node:
    y = layout.y(column.lane)
    tone = state(column.code).tone
    missing = column.code == "overdue"
    return [
        "g",
        {"className": f"expected {tone}" + (" missing" if missing else ""), "data-expected": column.label},
        ["title", {}, f"{column.label}: {column.detail} ({wording.exact(column.at, zone)})"],
        ["line", {"x1": x, "x2": x, "y1": y - 27, "y2": y + 27, "className": "deadline"}],
        _icon(column.code, x, y),
        ["text", {"x": x + 15, "y": y - 3, "className": f"hop-label {tone}"}, column.label],
        ["text", {"x": x + 15, "y": y + 14, "className": "hop-detail"}, column.detail],
    ]


def gaps(layout: Layout) -> list[float]:
    """Distances between neighbouring columns; for tests: never negative."""
    return [after - before for before, after in pairwise(layout.xs)]
