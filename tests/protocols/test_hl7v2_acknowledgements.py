"""Acknowledgements: read as engines write them, and written so that a sender accepts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing.protocols.hl7v2 import parse
from tracing.protocols.hl7v2_acknowledge import acknowledge

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ADMISSION = (
    b"MSH|^~\\&|EHR|NORTH|ENGINE|NSH|20260301115959||ADT^A01^ADT_A01|CTL1|P|2.5.1|||AL||US|UNICODE UTF-8\r"
)


def test_an_engines_acknowledgement_is_read() -> None:
    ack = parse(
        b"MSH|^~\\&|ENGINE|NSH|EHR|NORTH|20260301120000||ACK^A01^ACK|20260301120000|P|2.5.1\rMSA|AA|CTL1\r"
    )
    assert (ack.message_type, ack.ack_code, ack.ack_control_id, ack.error_code) == (
        "ACK^A01",
        "AA",
        "CTL1",
        "",
    )


def test_a_message_is_no_acknowledgement() -> None:
    assert (parse(ADMISSION).ack_code, parse(ADMISSION).ack_control_id) == ("", "")


@pytest.mark.parametrize(
    ("segments", "code"),
    [
        (b"MSA|AE|1|An Error\rERR||PID^1^3|101^Required field missing^HL70357|E", "101"),
        (b"MSA|AE|1\rERR|PID^1^3^102&Data type error&HL70357", "102"),
        (b"MSA|AR|1|no|||207^Application error", "207"),
        (b"MSA|AE|1|An Error Occurred Processing Message.", ""),
        (b"MSA|AE|1\rERR|^^^|", ""),
    ],
)
def test_the_error_code_is_found_where_each_version_puts_it(segments: bytes, code: str) -> None:
    assert parse(b"MSH|^~\\&|E||||||ACK|1|P|2.5.1\r" + segments + b"\r").error_code == code


def test_what_we_send_back_swaps_sender_and_receiver_and_names_the_message() -> None:
    assert acknowledge(parse(ADMISSION), "AA", "9", NOON) == (
        b"MSH|^~\\&|ENGINE|NSH|EHR|NORTH|20260301120000+0000||ACK^A01^ACK|9|P|2.5.1||||||UNICODE UTF-8\r"
        b"MSA|AA|CTL1\r"
    )


def test_a_refusal_carries_text_and_code() -> None:
    ack = parse(acknowledge(parse(ADMISSION), "AR", "9", NOON, "visit | unknown", error="204"))
    assert (ack.ack_code, ack.ack_text, ack.error_code) == ("AR", "visit | unknown", "204")


def test_an_old_version_gets_the_old_form() -> None:
    old = parse(b"MSH|^~\\&|EHR||LAB||20260301||ORU^R01|7|P|2.3\r")
    answer = acknowledge(old, "AE", "9", NOON, error="101")
    assert b"|ACK^R01|9|P|2.3\r" in answer
    assert b"ERR|^^^101\r" in answer
    assert parse(answer).error_code == "101"


def test_a_message_without_control_id_or_version_is_still_answered() -> None:
    ack = parse(acknowledge(parse(b"MSH|^~\\&\r"), "AA", "9", NOON))
    assert (ack.message_type, ack.ack_control_id, ack.version, ack.control_id) == ("ACK", "", "2.5.1", "9")


def test_the_time_is_written_in_utc() -> None:
    summer = NOON.astimezone(timezone(timedelta(hours=-6)))
    assert b"|20260301120000+0000|" in acknowledge(parse(ADMISSION), "AA", "9", summer)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30),
    st.permutations(list("|^~\\&#*!@$%+;:")),
)
def test_any_text_survives_the_way_there_and_back(text: str, signs: list[str]) -> None:
    header = "MSH" + "".join(signs[:5]) + signs[0] + "EHR"
    ack = parse(acknowledge(parse(header.encode() + b"\r"), "AE", "9", NOON, text))
    assert ack.ack_text == ("" if text == '""' else text)
