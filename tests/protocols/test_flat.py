"""Delimited and fixed-width rows: bad ones located, the others read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracing.protocols.flat import BadRow, LayoutError, Row, decode, delimited, fixed

TABLE = 'Visit|Amount\nV1|1\n"V2|2\nV3|3\n"V4"|4\n"a\nb"|5\nV5|1|2\nV6'


def read(text: str, **options: object) -> list[Row | BadRow]:
    return list(delimited(text, delimiter="|", wanted=["Visit", "Amount"], **options))  # type: ignore[arg-type]


def test_a_bad_row_is_located_and_the_others_are_read() -> None:
    rows = read(TABLE)
    assert [row.values["Visit"] for row in rows if isinstance(row, Row)] == ["V1", "V3", "V4", "a\nb"]
    assert [row.line for row in rows if isinstance(row, Row)] == [2, 4, 5, 6]
    assert [row.line for row in rows if isinstance(row, BadRow)] == [3, 8, 9]


def test_no_error_repeats_what_the_file_says() -> None:
    for row in read(TABLE.replace("V", "JANE").replace("JANEisit", "Visit")):
        assert isinstance(row, Row) or "JANE" not in row.why


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_counts_the_same_lines(end: str) -> None:
    assert read(TABLE.replace("\n", end)) == read(TABLE)


def test_a_header_without_a_wanted_column_says_which_and_where() -> None:
    with pytest.raises(LayoutError, match="no column 'Amount' in the header at line 3"):
        read("written by x\n\nVisit|Total\nV1|1", skip_lines=2)


def test_columns_of_the_layout_need_no_header() -> None:
    (row,) = read("V1|1\n", columns=("Visit", "Amount"))
    assert isinstance(row, Row)
    assert dict(row.values) == {"Visit": "V1", "Amount": "1"}


def test_a_byte_order_mark_wins_over_the_layout() -> None:
    assert decode("Visit".encode("utf-16"), "utf-8") == "Visit"
    assert decode(b"\xef\xbb\xbfVisit", "latin-1") == "Visit"


def test_bytes_of_another_character_set_are_a_bad_row() -> None:
    text = decode(b"Visit|Amount\nV\xff1|1\nV2|2\n", "utf-8")
    bad, good = read(text)
    assert isinstance(bad, BadRow)
    assert isinstance(good, Row)


COLUMNS = (("Visit", 1, 4), ("Unit", 5, 3))


def test_fixed_width_rows_by_line_and_by_length() -> None:
    lines = list(fixed(b"V001ICU\nV0\nV002ER\n\n", "utf-8", COLUMNS))
    assert [dict(row.values) for row in lines if isinstance(row, Row)] == [
        {"Visit": "V001", "Unit": "ICU"},
        {"Visit": "V002", "Unit": "ER"},
    ]
    assert [row.line for row in lines if isinstance(row, BadRow)] == [2]
    host = "V001ICUV002ER ".encode("cp037")
    assert [row.line for row in fixed(host, "cp037", COLUMNS, record_length=7)] == [1, 2]


@settings(max_examples=60)
@given(st.text(alphabet='ab"|\n\r\x00é', max_size=400), st.sampled_from(['"', ""]))
def test_whatever_is_in_a_file_rows_come_out_in_order(text: str, quote: str) -> None:
    rows = list(delimited(text, delimiter="|", quote=quote, columns=("A", "B")))
    assert [row.line for row in rows] == sorted(row.line for row in rows)


@settings(max_examples=60)
@given(st.binary(max_size=400), st.sampled_from([None, 7]), st.sampled_from(["utf-8", "utf-16", "cp037"]))
def test_whatever_is_in_a_fixed_file_nothing_is_raised(
    data: bytes, length: int | None, encoding: str
) -> None:
    list(fixed(data, encoding, COLUMNS, record_length=length))
    list(delimited(decode(data, encoding), columns=("A",)))


@settings(max_examples=30)
@given(st.lists(st.lists(st.text(alphabet='ab "\n,', min_size=1), min_size=2, max_size=2), min_size=1))
def test_what_was_written_is_read(rows: list[list[str]]) -> None:
    quoted = ["|".join('"' + value.replace('"', '""') + '"' for value in row) for row in rows]
    found = list(delimited("\n".join(quoted), delimiter="|", columns=("A", "B")))
    assert [list(row.values.values()) for row in found if isinstance(row, Row)] == rows
