"""The fast reader agrees with a slow one that takes the standard's rules one after the other."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tracing.protocols.hl7v2 import parse

SEPARATORS = st.one_of(
    st.just("|^~\\&"), st.permutations(list("|^~\\&#*!@$%+;:")).map(lambda signs: "".join(signs[:5]))
)
FIELD_TEXT = st.lists(
    st.sampled_from(["A", "7", "V1", "Doe", " ", '""', "-", "C", "R", "E", "S", "F", "T", "X41", ".br"])
    | st.integers(1, 4).map(lambda place: f"<{place}>"),
    max_size=7,
).map("".join)
LINES = st.lists(
    st.tuples(st.sampled_from(["PID", "PV1", "OBX", "ZZ1"]), st.lists(FIELD_TEXT, max_size=6)), max_size=6
)
NUMBER = st.sampled_from([0, 0, 0, 1, 1, 2, 3])


@dataclass(frozen=True)
class Asked:
    segment: str
    occurrence: int
    field: int
    repetition: int
    component: int
    subcomponent: int

    @property
    def path(self) -> str:
        def index(number: int) -> str:
            return f"[{number}]" if number else ""

        text = f"{self.segment}{index(self.occurrence)}-{self.field}{index(self.repetition)}"
        if self.component:
            text += f".{self.component}"
            if self.subcomponent:
                text += f".{self.subcomponent}"
        return text


ASKED = st.builds(
    Asked,
    st.sampled_from(["MSH", "PID", "PV1", "OBX", "ZZ1"]),
    NUMBER,
    st.integers(1, 4),
    NUMBER,
    NUMBER,
    NUMBER,
)


def naive(payload: str, asked: Asked) -> str | None:
    """Cut everything, then look."""
    field, component, repetition, escape, subcomponent = list(payload[3:8])
    found = []
    for line in re.split(r"\r\n|\r|\n", payload):
        cells = line.split(field)
        if cells[0] == "MSH":
            cells.insert(1, field)
        if cells[0] == asked.segment and len(cells) > 1:
            found.append(cells)
    occurrence = max(asked.occurrence, 1)
    if len(found) < occurrence or len(found[occurrence - 1]) <= asked.field:
        return None
    text = found[occurrence - 1][asked.field]
    if asked.segment == "MSH" and asked.field <= 2:
        return text if asked.component <= 1 else None
    for separator, number in (
        (repetition, asked.repetition),
        (component, asked.component),
        (subcomponent, asked.subcomponent if asked.component else 0),
    ):
        parts = text.split(separator)
        if len(parts) < max(number, 1):
            return None
        text = parts[max(number, 1) - 1]
    if text in ("", '""'):
        return None
    meanings = {"F": field, "S": component, "R": repetition, "E": escape, "T": subcomponent}
    meanings |= {"X41": "A", ".br": "\n"}
    out = ""
    while text:
        end = text.find(escape, 1)
        if text[0] == escape and end > 0 and text[1:end] in meanings:
            out += meanings[text[1:end]]
            text = text[end + 1 :]
        else:
            out += text[0]
            text = text[1:]
    return out


@settings(max_examples=300)
@given(SEPARATORS, LINES, st.lists(ASKED, min_size=5, max_size=10), st.sampled_from(["\r", "\n", "\r\n"]))
def test_get_equals_the_naive_reader(
    signs: str, lines: list[tuple[str, list[str]]], asked: list[Asked], end: str
) -> None:
    field = signs[0]
    written = [field.join(("MSH" + signs, "EHR", "<1>A<1>"))]
    written += [field.join((name, *cells)) for name, cells in lines]
    payload = end.join(written) + end
    for place in range(1, 5):  # <1> to <4> stand for component, repetition, escape, subcomponent
        payload = payload.replace(f"<{place}>", signs[place])
    message = parse(payload.encode())
    assert [message.get(one.path) for one in asked] == [naive(payload, one) for one in asked]
