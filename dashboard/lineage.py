"""Lineage on the encounter page: which hop an arrow goes from and to, its words, and its road below a lane.

Pure; called by the lanes, the hops and the encounter page. Solid is what a system said itself, dashed what is
likely: never by colour alone, always also in words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dashboard.components import Node
from slo.workflows.rows import Hop
from tracing.lineage import Arrow

#: How far below its lane the first road runs, and how far apart roads are.
_BELOW, APART = 29.0, 7.0


@dataclass(frozen=True, slots=True)
class Cause:
    """One arrow by the places of its hops in the list."""

    cause: int
    effect: int
    arrow: Arrow


@dataclass(frozen=True, slots=True)
class Lineage:
    """The arrows of a journey, from both ends: by the effect, and by the cause."""

    to: Mapping[int, Sequence[Cause]] = field(default_factory=dict)
    of: Mapping[int, Sequence[Cause]] = field(default_factory=dict)

    @classmethod
    def between(cls, hops: Sequence[Hop], arrows: Sequence[Arrow]) -> Lineage:
        """Arrows whose two messages are among the hops."""
        places = {hop.span_id: place for place, hop in enumerate(hops)}
        to, of = defaultdict(list), defaultdict(list)
        for arrow in arrows:
            if arrow.cause in places and arrow.effect in places:
                one = Cause(places[arrow.cause], places[arrow.effect], arrow)
                to[one.effect].append(one)
                of[one.cause].append(one)
        return cls(dict(to), dict(of))

    def kin(self, chosen: int) -> set[tuple[int, int]]:
        """The arrows that lead to a hop, through others too, and those that go out from it."""
        found: set[tuple[int, int]] = set()
        for ways, end in ((self.to, "cause"), (self.of, "effect")):
            open_ones, seen = [chosen], set()
            while open_ones:
                here = open_ones.pop()
                if here in seen:
                    continue
                seen.add(here)
                for one in ways.get(here, ()):
                    found.add((one.cause, one.effect))
                    open_ones.append(getattr(one, end))
        return found


def words(arrow: Arrow) -> str:
    """`certain: the same control ID came in before`."""
    return f"{arrow.certainty}: {arrow.evidence}"


def ways(
    came_of: Lineage, places: Mapping[int, int], lanes: Sequence[int], xs: Sequence[float]
) -> list[tuple[int, int, int, Cause]]:
    """Arrows between columns, each pair once, the surest of it: (from, to, road below the lane, arrow).

    places: the column of each hop; lanes and xs: of each column, its lane and its place on the axis.
    """
    found: dict[tuple[int, int], Cause] = {}
    for causes in came_of.to.values():
        for one in causes:
            pair = (places[one.cause], places[one.effect])
            known = found.get(pair)
            if pair[0] != pair[1] and (known is None or one.arrow.confidence > known.arrow.confidence):
                found[pair] = one
    by_lane: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for cause, effect in sorted(found):
        by_lane[lanes[cause]].append((cause, effect))
    placed = []
    for pairs in by_lane.values():
        # Lines of different kinds would hide each other on one road.
        trunks = [(cause, found[cause, effect].arrow.certainty) for cause, effect in pairs]
        ends = [(xs[cause], xs[effect] - 12) for cause, effect in pairs]
        roads = tracks(trunks, ends)
        placed += [(*pair, road, found[pair]) for pair, road in zip(pairs, roads, strict=True)]
    return placed


def tracks(trunks: Sequence[tuple[int, str]], ends: Sequence[tuple[float, float]]) -> list[int]:
    """A road for each arrow, so that no two trunks run over each other; 0 is next to the lane.

    trunks: arrows of the same one (one cause, one certainty) share their road. ends: from x, to x.
    """
    reach: dict[tuple[int, str], tuple[float, float]] = {}
    for trunk, (start, end) in zip(trunks, ends, strict=True):
        low, high = min(start, end), max(start, end)
        known = reach.get(trunk, (low, high))
        reach[trunk] = (min(low, known[0]), max(high, known[1]))
    roads: dict[tuple[int, str], int] = {}
    busy: list[float] = []
    for trunk, (low, high) in sorted(reach.items(), key=lambda item: (item[1], item[0])):
        road = next((place for place, until in enumerate(busy) if until < low), len(busy))
        if road == len(busy):
            busy.append(high)
        busy[road] = high
        roads[trunk] = road
    return [roads[trunk] for trunk in trunks]


def draw(
    start: tuple[float, float], end: tuple[float, float], road: int, arrow: Arrow, near: bool
) -> list[Node]:
    """An arrow from below one mark to where the next message left. near: on the chosen hop's way."""
    (x, y), (to_x, to_y) = start, end
    if abs(y - to_y) < 1:
        low = y + _BELOW + APART * road
        x -= 3 * road
        turn = min(6.0, max(1.0, abs(to_x - x) / 2))
        side = turn if to_x >= x else -turn
        path = (
            f"M{x:.1f} {y + 10}V{low - turn:.1f}Q{x:.1f} {low} {x + side:.1f} {low}H{to_x - side:.1f}"
            f"Q{to_x:.1f} {low} {to_x:.1f} {low - turn:.1f}V{to_y + 11}"
        )
        tip = f"M{to_x - 4:.1f} {to_y + 12}L{to_x:.1f} {to_y + 5}L{to_x + 4:.1f} {to_y + 12}Z"
    else:
        bend = f"C{x + 16:.1f} {y + 24} {to_x - 16:.1f} {to_y - 24} {to_x - 4:.1f} {to_y - 8}"
        path = f"M{x + 6:.1f} {y + 8}{bend}"
        tip = f"M{to_x - 8:.1f} {to_y - 9}L{to_x - 1:.1f} {to_y - 4}L{to_x - 2:.1f} {to_y - 12}Z"
    kind = f"lineage {arrow.certainty}" + (" near" if near else "")
    return [
        [
            "g",
            {"className": kind, "data-lineage": arrow.basis},
            ["title", {}, words(arrow)],
            ["path", {"d": path, "className": "reach"}],
            ["path", {"d": path, "className": "way"}],
            ["path", {"d": tip, "className": "tip"}],
        ]
    ]


def legend(arrows: Sequence[Arrow]) -> list[Node]:
    """A sample of every kind of line that is drawn, with its word."""
    known = {"certain": "came of it, certain", "probable": "probably", "possible": "possibly"}
    nodes: list[Node] = []
    for certainty, word in known.items():
        if any(arrow.certainty == certainty for arrow in arrows):
            line: Node = ["path", {"d": "M1 6H33", "className": "way"}]
            sample: Node = [
                "svg",
                {"className": "lanes sample", "viewBox": "0 0 34 12", "aria-hidden": "true"},
                ["g", {"className": f"lineage near {certainty}"}, line],
            ]
            nodes.append(["span", {"className": "legend"}, sample, word])
    return nodes
