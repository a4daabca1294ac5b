"""X12 files as trading partners really send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing.protocols.x12 import Interchange, X12Error, interchanges

ISA = (
    "ISA*00*          *00*          *ZZ*NORTHSIDE      *ZZ*CLEARING       "
    "*260301*1200*^*00501*000000905*0*P*:~"
)
BODY = (
    "GS*HC*NSH*CLR*20260301*1200*77*X*005010X223A2~"
    "ST*837*0001*005010X223A2~BHT*0019*00*B1*20260301*1200*CH~CLM*A1*500.5***11:A:1~SE*4*0001~"
    "GE*1*77~IEA*1*000000905~"
)
FILE = ISA + BODY


def respell(
    text: str, element: str = "*", component: str = ":", repetition: str = "^", end: str = "~"
) -> bytes:
    table = str.maketrans({"*": element, ":": component, "^": repetition, "~": "\0"})
    return text.translate(table).replace("\0", end).encode("latin-1")


def only(data: bytes) -> Interchange:
    found = list(interchanges(data))
    assert len(found) == 1
    return found[0]


def findings(data: bytes) -> list[str]:
    return [finding.message for finding in only(data).findings]


def test_a_transaction_knows_who_sent_it_and_its_control_numbers() -> None:
    interchange = only(FILE.encode())
    (transaction,) = interchange.transactions
    assert (transaction.isa06, transaction.isa08) == ("NORTHSIDE", "CLEARING")
    assert (transaction.gs01, transaction.gs02, transaction.gs03) == ("HC", "NSH", "CLR")
    assert (transaction.isa13, transaction.gs06, transaction.st02) == ("000000905", "77", "0001")
    assert transaction.control_id == "000000905-77-0001"
    assert (transaction.st01, transaction.version) == ("837", "005010X223A2")
    assert transaction.segments[2] == ("CLM", "A1", "500.5", "", "", "11:A:1")
    assert transaction.components("11:A:1") == ["11", "A", "1"]
    assert transaction.complete
    assert interchange.findings == ()


ENDS = ["~", "~\n", "~\r\n", "\r", "\n", "\r\n", "\x1d", "'", "\x85", "~ \n", "~\n\n"]
ELEMENTS = ["*", "^", ">", "~", "|", "\x1c", "\t"]


@pytest.mark.parametrize(
    ("element", "end"), [(one, end) for one in ELEMENTS for end in ENDS if one not in end]
)
def test_separators_are_those_the_isa_declares(element: str, end: str) -> None:
    repetition = "!" if element == "^" else "^"
    interchange = only(respell(FILE, element=element, repetition=repetition, end=end))
    assert interchange.separators.element == element
    assert interchange.separators.terminator == end[0]
    assert interchange.separators.repetition == repetition
    assert interchange.transactions[0].segments[2] == ("CLM", "A1", "500.5", "", "", "11:A:1")
    assert interchange.findings == ()


def test_an_asterisk_may_be_the_terminator() -> None:
    interchange = only(respell(FILE, element="|", end="*"))
    assert interchange.transactions[0].segments[-1] == ("SE", "4", "0001")


def test_an_old_version_has_no_repetition_separator() -> None:
    assert only(FILE.replace("*^*00501*", "*U*00401*").encode()).separators.repetition == ""


def test_several_interchanges_in_one_file_may_differ_in_separators() -> None:
    data = FILE.encode() + b"\r\n" + respell(FILE, element="|", component=">", end="\n") + FILE.encode()
    found = list(interchanges(data))
    assert [one.separators.element for one in found] == ["*", "|", "*"]
    assert [len(one.transactions) for one in found] == [1, 1, 1]
    assert data[found[1].offset :].startswith(b"ISA|")


def test_a_missing_iea_ends_at_the_next_isa() -> None:
    data = FILE.replace("IEA*1*000000905~", "").encode() + FILE.encode()
    first, second = interchanges(data)
    assert [finding.message for finding in first.findings] == ["IEA is missing"]
    assert (len(first.transactions), len(second.transactions)) == (1, 1)


def test_a_file_without_isa_is_refused_with_its_offset() -> None:
    with pytest.raises(X12Error, match=r"no ISA segment .* \(at byte 2\)") as caught:
        list(interchanges(b"\r\n" + BODY.encode()))
    assert caught.value.offset == 2


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    with pytest.raises(X12Error, match="empty"):
        list(interchanges(data))


def test_a_byte_order_mark_is_no_error() -> None:
    assert len(only(b"\xef\xbb\xbf" + FILE.encode()).transactions) == 1


def test_what_can_be_read_is_read_before_the_error_is_raised() -> None:
    reading = interchanges(b"garbage\n" + FILE.encode() + b"more garbage")
    assert next(reading).isa13 == "000000905"
    with pytest.raises(X12Error) as caught:
        next(reading)
    assert caught.value.offset == 0


def test_errors_can_be_collected_instead() -> None:
    errors: list[X12Error] = []
    data = b"garbage\n" + FILE.encode() + b"\nmore garbage\n" + FILE.encode() + b"ISA*00*cut"
    assert len(list(interchanges(data, errors))) == 2
    assert [data[error.offset :][:4] for error in errors] == [b"garb", b"more", b"ISA*"]


@pytest.mark.parametrize("length", [4, 50, 103, 104, 105])
def test_an_isa_that_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(X12Error):
        list(interchanges(FILE[:length].encode()))


def test_a_file_that_is_its_isa_alone_has_no_transactions() -> None:
    assert only(ISA.encode()).transactions == ()


def test_lost_padding_is_reported_and_the_file_read_all_the_same() -> None:
    data = FILE.replace("NORTHSIDE      ", "NORTHSIDE").encode()
    assert findings(data) == ["ISA06 has 9 characters where 15 are required"]
    assert only(data).transactions[0].isa06 == "NORTHSIDE"


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("SE*4*0001~", "SE*9*0001~", "SE01 declares 9 segments, 4 were read"),
        ("SE*4*0001~", "SE*4*0002~", "SE02 is not the control number of its header"),
        ("SE*4*0001~", "", "SE is missing"),
        ("GE*1*77~", "GE*3*77~", "GE01 declares 3 transaction sets, 1 were read"),
        ("GE*1*77~", "", "GE is missing"),
        ("IEA*1*", "IEA*DOE*", "IEA01 declares no number of groups, 1 were read"),
        ("GE*1*77~", "DOE*1~GE*1*77~", "a segment stands outside any transaction set"),
    ],
)
def test_departures_from_the_standard_are_named_and_read(old: str, new: str, finding: str) -> None:
    data = FILE.replace(old, new).encode()
    assert findings(data) == [finding]
    (transaction,) = only(data).transactions
    assert transaction.segments[2][1] == "A1"
    assert transaction.complete == (finding != "SE is missing")


def test_an_interchange_acknowledgement_is_read() -> None:
    (ta1,) = only((ISA + "TA1*000000905*260301*1200*R*006~IEA*0*000000905~").encode()).acknowledgements
    assert (ta1.isa13, ta1.code, ta1.note, ta1.outcome) == ("000000905", "R", "006", "rejected")


def test_a_claim_acknowledgement_is_told_from_a_status_response() -> None:
    data = FILE.replace("ST*837*0001*005010X223A2", "ST*277*0001*005010X214").encode()
    assert only(data).transactions[0].message == "277CA"
    assert only(data.replace(b"X214", b"X212")).transactions[0].message == "277"
    assert only(FILE.encode()).transactions[0].message == "837"


def test_names_are_read_in_utf_8_and_in_latin_1() -> None:
    data = FILE.replace("BHT*0019", "NM1*41*2*MÜLLER~BHT*0019").replace("SE*4", "SE*5")
    for codec in ("utf-8", "latin-1"):
        assert only(data.encode(codec)).transactions[0].segments[1][3] == "MÜLLER"


def test_what_was_found_never_repeats_what_the_file_says() -> None:
    damaged = (
        FILE.replace("SE*4*", "SE*DOE*").replace("GE*1*", "DOE*JANE~GE*DOE*").replace("IEA*1*", "IEA*DOE*")
    )
    assert len(findings(damaged.encode())) == 4
    assert "DOE" not in "".join(findings(damaged.encode()))


@given(st.binary(max_size=200), st.integers(0, len(FILE)), st.integers(0, 30))
def test_no_damage_makes_reading_raise(noise: bytes, place: int, removed: int) -> None:
    damaged = FILE[:place].encode() + noise + FILE[place + removed :].encode() + FILE.encode()
    errors: list[X12Error] = []
    found = list(interchanges(damaged, errors))
    assert all(0 <= error.offset <= len(damaged) for error in errors)
    if b"ISA" not in noise and place >= len(ISA) and place + removed < len(FILE) - 1:
        assert found[-1].transactions[-1].segments[2][1] == "A1"
