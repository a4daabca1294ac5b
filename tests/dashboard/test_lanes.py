"""The swim lanes: in order, readable, and what is missing stands where it should have been."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboard import lanes
from slo.workflows.rows import Journey
from tests.dashboard.fake_hospital import hop, journey
from tests.dashboard.fake_moment import NOW

ROADS = [
    ("ehr-adt", "ehr", "engine"),
    ("billing-adt-dft", "engine", "billing"),
    ("erp-journals", "engine", "erp"),
]


def nodes(tree: Any, tag: str) -> list[dict[str, Any]]:
    """Attributes of every element of a kind."""
    if not isinstance(tree, list):
        return []
    here = [tree[1]] if tree[0] == tag else []
    return here + [found for child in tree[2:] for found in nodes(child, tag)]


def words(tree: Any) -> str:
    if isinstance(tree, str):
        return tree + " "
    return "".join(words(child) for child in tree[2:]) if isinstance(tree, list) else ""


def drawn(found: Journey) -> Any:
    layout = lanes.lay_out(found, UTC, NOW)
    return lanes.draw(layout, UTC, 0, lambda index: f"/encounter/x?hop={index}", "the encounter")


def test_every_system_has_a_lane_in_the_order_of_the_flow() -> None:
    layout = lanes.lay_out(journey("completed"), UTC, NOW)
    assert layout.lanes == ["ehr", "engine", "billing", "erp", "clearinghouse"]


def test_every_hop_is_a_link_that_says_everything_about_it() -> None:
    links = nodes(drawn(journey("failed")), "a")
    assert [link["href"] for link in links] == [f"/encounter/x?hop={index}" for index in range(4)]
    assert "POST /journals → 422, failed" in links[3]["aria-label"]
    assert links[0]["className"] == "hop chosen"


def test_what_was_not_seen_is_drawn_on_the_lane_and_at_the_time_it_was_due() -> None:
    found = journey("overdue", timedelta(minutes=90))
    layout = lanes.lay_out(found, UTC, NOW)
    missing = [column for column in layout.columns if column.code == "overdue"]
    assert [(column.label, layout.lanes[column.lane]) for column in missing] == [
        ("billing ready", "billing"),
        ("ERP posted", "erp"),
    ]
    assert missing[1].at == found.workflows[0].started_at + timedelta(hours=1)
    assert "expected by 17:32, not seen" in words(drawn(found))
    assert any(attributes.get("data-expected") == "ERP posted" for attributes in nodes(drawn(found), "g"))


def test_nothing_is_expected_of_what_is_complete() -> None:
    layout = lanes.lay_out(journey("completed"), UTC, NOW)
    assert {column.kind for column in lanes.lay_out(journey("failed"), UTC, NOW).columns} == {
        "hop",
        "expected",
        "now",
    }
    assert {column.kind for column in layout.columns} == {"hop"}


def test_hours_without_a_message_fold() -> None:
    found = journey("completed")
    later = hop(NOW, "claims-out", "billing", "clearinghouse", "837", "", "accepted", 0, "x12")
    layout = lanes.lay_out(replace(found, hops=[*found.hops, later]), UTC, NOW)
    assert [round(seconds) for _, seconds in layout.folds] == [35 * 60]
    assert "⋯ 35\u00a0m" in words(drawn(replace(found, hops=[*found.hops, later])))


def test_the_same_refusal_again_and_again_is_one_mark_with_a_count() -> None:
    refused = [
        hop(
            NOW + timedelta(seconds=20 * n),
            "erp-journals",
            "engine",
            "erp",
            "",
            "500",
            "error",
            30,
            "http",
            "POST /journals",
        )
        for n in range(9)
    ]
    found = replace(journey("completed"), hops=refused)
    assert len(lanes.lay_out(found, UTC, NOW).columns) == 1
    assert "POST /journals → 500 ×9" in words(drawn(found))


def test_a_journey_without_hops_can_still_be_drawn() -> None:
    empty = replace(journey(), hops=[], workflows=[])
    layout = lanes.lay_out(empty, UTC, NOW)
    assert layout.columns == []
    assert drawn(empty)[0] == "svg"


@given(
    st.lists(
        st.tuples(st.floats(min_value=0, max_value=400_000), st.sampled_from(ROADS), st.booleans()),
        min_size=1,
        max_size=25,
    )
)
def test_columns_stand_in_order_and_words_on_one_lane_never_overlap(
    events: list[tuple[float, tuple[str, str, str], bool]],
) -> None:
    hops = [
        hop(
            NOW + timedelta(seconds=at),
            *road,
            "ADT^A03",
            "AA" if fine else "AE",
            "accepted" if fine else "error",
            12,
        )
        for at, road, fine in sorted(events)
    ]
    layout = lanes.lay_out(replace(journey("completed"), hops=hops), UTC, NOW)
    assert all(gap > 0 for gap in lanes.gaps(layout))
    assert layout.xs[-1] < layout.width
    ends: dict[int, float] = {}
    for column, x in zip(layout.columns, layout.xs, strict=True):
        assert x >= ends.get(column.lane, 0.0)
        ends[column.lane] = x + 15 + 7 * max(len(column.label), len(column.detail))
