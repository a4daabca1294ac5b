"""What is written is read back; what X12 cannot carry is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing.protocols.x12 import (
    OutgoingTransaction,
    Separators,
    UnwritableError,
    interchanges,
    write_interchange,
)

NOON = datetime(2026, 3, 1, 12, 34, tzinfo=UTC)
CLAIM = OutgoingTransaction("837", "005010X223A2", [("CLM", "A1", "500.5", "", "", ("11", "A", "1"))])
VERDICT = OutgoingTransaction("999", "005010X231A1", [("AK1", "HC", "77"), ("AK9", "A", "1", "1", "1")])
PAYMENT = OutgoingTransaction("835", "005010X221A1", [("TRN", "1", "EFT99")])

SIGNS = list("*:^~|>!+;\x1c\x1d\r\n\t'")
TEXT = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters=" .-"), max_size=8)
VALUE = TEXT.map(str.strip)
SEGMENT = st.tuples(
    st.sampled_from(["CLM", "REF", "HI", "NM1"]),
    st.lists(st.one_of(VALUE, st.lists(VALUE, max_size=3)), max_size=5),
).map(lambda pair: (pair[0], *pair[1]))
TRANSACTION = st.builds(
    OutgoingTransaction,
    st.sampled_from(["837", "999", "277", "835"]),
    st.sampled_from(["005010X222A1", "005010X223A2"]),
    st.lists(SEGMENT, max_size=5),
)


def write(*transactions: OutgoingTransaction, **changed: object) -> bytes:
    arguments: dict[str, object] = {"sender": "NSH", "receiver": "CLEARING", "control": 905, "now": NOON}
    return write_interchange(transactions, **(arguments | changed))  # type: ignore[arg-type]


def test_an_interchange_is_written_to_the_letter() -> None:
    assert write(CLAIM, line_end="\n").decode().splitlines() == [
        "ISA*00*          *00*          *ZZ*NSH            *ZZ*CLEARING       "
        "*260301*1234*^*00501*000000905*0*P*:~",
        "GS*HC*NSH*CLEARING*20260301*1234*905*X*005010X223A2~",
        "ST*837*0001*005010X223A2~",
        "CLM*A1*500.5***11:A:1~",
        "SE*3*0001~",
        "GE*1*905~",
        "IEA*1*000000905~",
    ]


def test_neighbours_of_one_kind_share_a_group() -> None:
    (interchange,) = interchanges(write(CLAIM, CLAIM, VERDICT))
    assert [(one.gs01, one.gs06, one.st02) for one in interchange.transactions] == [
        ("HC", "905", "0001"),
        ("HC", "905", "0002"),
        ("FA", "906", "0001"),
    ]
    assert interchange.findings == ()


def test_an_835_has_no_implementation_reference_in_its_header() -> None:
    (interchange,) = interchanges(write(PAYMENT))
    assert interchange.transactions[0].segments[0] == ("ST", "835", "0001")
    assert interchange.transactions[0].version == "005010X221A1"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"control": 0}, "control number"),
        ({"control": 1_000_000_000}, "control number"),
        ({"sender": ""}, "sender must have 1 to 15"),
        ({"receiver": "X" * 16}, "receiver must have 1 to 15"),
        ({"usage": "PROD"}, "106 characters"),
        ({"separators": Separators(element=":")}, "separators must be different"),
        ({"separators": Separators(element="A")}, "separators must be different"),
        ({"separators": Separators(terminator="é")}, "separators must be different"),
    ],
)
def test_an_envelope_that_cannot_be_is_refused(changed: dict[str, object], reason: str) -> None:
    with pytest.raises(UnwritableError, match=reason):
        write(CLAIM, **changed)


@pytest.mark.parametrize("value", ["A*1", "A~1", "A:1", "A^1", "A\n1"])
def test_a_value_that_holds_a_separator_is_refused(value: str) -> None:
    with pytest.raises(UnwritableError, match="no escape"):
        write(OutgoingTransaction("837", "005010X222A1", [("CLM", value)]))


@pytest.mark.parametrize("name", [("NM1", "IL", "1", "DOE", "ISA", "M"), ("HI", ("ISA", "0", "A"), "1")])
def test_a_person_called_isa_begins_no_interchange(name: tuple[str | tuple[str, ...], ...]) -> None:
    claim = OutgoingTransaction("837", "005010X222A1", [name, ("CLM", "1")])
    one = write(claim, claim)
    read = list(interchanges(one + b"\r\n" + one))
    assert [len(interchange.transactions) for interchange in read] == [2, 2]
    assert [interchange.findings for interchange in read] == [(), ()]


def test_an_interchange_that_follows_a_cut_one_is_read() -> None:
    whole = write(
        OutgoingTransaction("837", "005010X222A1", [("NM1", "IL", "1", "DOE", "ISA", "M"), ("CLM", "1")])
    )
    cut = whole[: whole.index(b"ISA*M")]
    first, second = interchanges(cut + whole)
    assert first.findings
    assert second.findings == ()


def test_an_unknown_transaction_set_is_refused() -> None:
    with pytest.raises(UnwritableError, match="'123'"):
        write(OutgoingTransaction("123", "005010", []))


@given(st.lists(TRANSACTION, max_size=4), st.permutations(SIGNS), st.sampled_from(["", "\n", "\r\n"]))
def test_what_is_written_is_read_back(
    transactions: list[OutgoingTransaction], signs: list[str], line_end: str
) -> None:
    separators = Separators(*signs[:4])
    (interchange,) = interchanges(write(*transactions, separators=separators, line_end=line_end))
    assert interchange.findings == ()
    assert interchange.separators == separators
    assert len(interchange.transactions) == len(transactions)
    for read, written in zip(interchange.transactions, transactions, strict=True):
        assert (read.st01, read.version) == (written.st01, written.version)
        assert len(read.segments) == len(written.body) + 2
        for segment, body in zip(read.segments[1:-1], written.body, strict=True):
            joined = [
                one if isinstance(one, str) else separators.component.join(one).rstrip(separators.component)
                for one in body
            ]
            while not joined[-1]:
                joined.pop()
            assert list(segment) == joined
