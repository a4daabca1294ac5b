"""The same messages in any order, any of them twice, give the same arrows, and no message causes itself."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tracing.lineage import Message, arrows
from tracing.lineage.model import KeyToken

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SYSTEMS = ("ehr", "engine", "billing", "erp")
KINDS = ("ADT^A01", "ADT^A03", "ADT^A08", "DFT^P03", "POST /journals", "837", "")
KEYS = tuple(KeyToken(kind, f"{kind}{n}") for kind in ("visit", "account") for n in (1, 2))


@st.composite
def journeys(draw: st.DrawFn) -> list[Message]:
    """Messages of one journey, with evidence that may be wrong, cyclic or contradictory."""
    count = draw(st.integers(0, 14))
    names = [f"s{n}" for n in range(count)]
    found = []
    for name in names:
        at = NOON + timedelta(seconds=draw(st.integers(0, 40)) * 5)
        source, destination = draw(st.sampled_from(SYSTEMS)), draw(st.sampled_from(SYSTEMS))
        found.append(
            Message(
                span_id=name,
                trace_id=draw(st.sampled_from(["t1", "t2"])),
                at=at,
                end=at + timedelta(milliseconds=draw(st.sampled_from([0, 20]))),
                interface=f"{source}-{destination}",
                source=source,
                destination=destination,
                kind=draw(st.sampled_from(KINDS)),
                control_id=draw(st.sampled_from(["", "", "CONTROL1", "CONTROL2", "7"])),
                conversation_id=draw(st.sampled_from(["", "", "CONTROL1"])),
                parent=draw(st.sampled_from(["", "", "", "unseen", *names])),
                links=tuple(draw(st.lists(st.sampled_from(names), max_size=2))),
                keys=tuple(draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=3))),
            )
        )
    return found


@settings(max_examples=300)
@given(journeys(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(messages: list[Message], chance: random.Random) -> None:
    shuffled = messages + [chance.choice(messages) for _ in messages[:3]]
    chance.shuffle(shuffled)
    assert arrows(shuffled) == arrows(messages)


@settings(max_examples=300)
@given(journeys())
def test_no_message_causes_itself_and_every_arrow_has_its_reason(messages: list[Message]) -> None:
    found = arrows(messages)
    names = {message.span_id for message in messages}
    causes: dict[str, set[str]] = {}
    for one in found:
        assert {one.cause, one.effect} <= names
        assert 0 < one.confidence <= 1
        assert one.evidence
        assert one.certainty != "certain" or one.basis != "key"
        causes.setdefault(one.effect, set()).add(one.cause)
    for name in names:
        above, seen = set(causes.get(name, ())), set()
        while above:
            one_above = above.pop()
            assert one_above != name
            if one_above not in seen:
                seen.add(one_above)
                above |= causes.get(one_above, set())


def test_a_long_journey_is_no_more_work_for_each_message() -> None:
    """Looked-at candidates, not seconds: ten times the messages, about ten times the comparisons."""

    def looked_at(count: int) -> int:
        counted = 0

        class Counted(datetime):
            def __lt__(self, other: datetime) -> bool:
                nonlocal counted
                counted += 1
                return datetime.__lt__(self, other)

        messages = []
        for number in range(count):
            at = NOON + timedelta(seconds=number)
            moment = Counted(at.year, at.month, at.day, at.hour, at.minute, at.second, tzinfo=UTC)
            way = ("ehr", "engine") if number % 2 else ("engine", "billing")
            messages.append(
                Message(
                    f"s{number}",
                    "t",
                    moment,
                    moment,
                    "-".join(way),
                    *way,
                    "ADT^A08",
                    "",
                    "",
                    "p",
                    (),
                    KEYS[:1],
                )
            )
        arrows(messages)
        return counted

    assert looked_at(2000) < 20 * looked_at(200)
