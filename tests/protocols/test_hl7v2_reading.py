"""HL7 v2 as senders really write it: what a tap reads from each oddity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing.protocols.hl7v2 import Message, NotHL7, PathError, compile_path, parse, split_batch

DISCHARGE = (
    b"MSH|^~\\&|EHR|NSH-NORTH|ENGINE|NSH|20260301120000||ADT^A03^ADT_A03|CTL1|P|2.5.1\r"
    b"EVN|A03|20260301120000\r"
    b"PID|1||M1^^^NSH^MR~999^^^NHS&2.16.840&ISO^NH||Doe^Jane||19700101|F||||||||||A1^^^NSH&1.2&HCD^AN\r"
    b"PV1|1|I^Inpatient|WARD^101^2||||||||||||||||V1^^^NSH^VN\r"
    b"OBX|1|ST|HT^Height||180\r"
    b"OBX|2|ST|WT^Weight||80~81\r"
)


def with_pid_5(text: bytes, charset: bytes = b"", encoding: bytes = b"^~\\&") -> Message:
    header = b"MSH|" + encoding + b"|EHR||||||ADT^A04|1|P|2.5.1||||||" + charset
    return parse(header + b"\rPID|1||M1||" + text + b"\rPV1|1|O\r")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("MSH-1", "|"),
        ("MSH-2", "^~\\&"),
        ("MSH-3", "EHR"),
        ("MSH-9.2", "A03"),
        ("PV1-2", "I"),
        ("PV1-2.2", "Inpatient"),
        ("PV1-3.3", "2"),
        ("PV1-19", "V1"),
        ("PV1-19.1", "V1"),
        ("PV1-19.1.1", "V1"),
        ("PV1-19.4", "NSH"),
        ("PV1-19.6", None),
        ("PV1-50", None),
        ("PID-3[2].4.1", "NHS"),
        ("PID-3[2].4.2", "2.16.840"),
        ("PID-3[3]", None),
        ("PID-18.4.3", "HCD"),
        ("PID-18.4.4", None),
        ("PID-2", None),
        ("OBX-5", "180"),
        ("OBX[2]-5[2]", "81"),
        ("OBX[3]-5", None),
        ("ZPV-1", None),
    ],
)
def test_a_value_is_found_by_its_path(path: str, value: str | None) -> None:
    assert parse(DISCHARGE).get(path) == value
    assert parse(DISCHARGE).value(compile_path(path)) == value


def test_all_reads_every_repetition_of_every_such_segment() -> None:
    message = parse(DISCHARGE)
    assert message.all("PID-3") == ["M1", "999"]
    assert message.all("OBX-5") == ["180", "80", "81"]
    assert message.all("OBX[2]-5") == ["80", "81"]
    assert message.all("PID-3[2].4") == ["NHS"]
    assert message.all("MSH-2") == ["^~\\&"]
    assert message.all("ZPV-1") == []


def test_a_cx_gives_its_value_and_its_assigning_authority() -> None:
    message = parse(DISCHARGE)
    assert message.cx("PV1-19") == [("V1", "NSH")]
    assert message.cx("PID-3") == [("M1", "NSH"), ("999", "NHS")]


def test_an_account_number_with_subcomponents_is_its_first_component_and_namespace() -> None:
    message = parse(b"MSH|^~\\&|\rPID" + b"|" * 18 + b"40007716^^^AccMng&1.2&HCD^AM\r")
    assert message.cx("PID-18") == [("40007716", "AccMng")]
    assert message.raw("PID-18") == "40007716^^^AccMng&1.2&HCD^AM"


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (b"V1", [("V1", "")]),
        (b"V1^^^&1.2.3&ISO", [("V1", "1.2.3")]),
        (b" V1 ^^^ NSH ", [("V1", "NSH")]),
        (b'""', []),
        (b"^^^NSH", []),
        (b"~V2^^^NSH", [("V2", "NSH")]),
        (b"V\\T\\1^^^N\\S\\H", [("V&1", "N^H")]),
        (b"", []),
    ],
)
def test_identifiers_come_out_clean_or_not_at_all(field: bytes, found: list[tuple[str, str]]) -> None:
    assert parse(b"MSH|^~\\&|\rPV1" + b"|" * 19 + field + b"\r").cx("PV1-19") == found


def test_an_order_number_gives_its_value_and_its_namespace() -> None:
    message = parse(b"MSH|^~\\&|\rORC|NW|O1^CPOE|F1^^1.2.3\rOBR|1|O1\rORC|NW|O2^CPOE\r")
    assert message.ei("ORC-2") == [("O1", "CPOE"), ("O2", "CPOE")]
    assert message.ei("ORC-3") == [("F1", "1.2.3")]
    assert message.ei("OBR-2") == [("O1", "")]


def test_an_explicit_null_is_no_value_but_can_be_told_from_an_empty_field() -> None:
    message = parse(b'MSH|^~\\&|\rPV1|1|""|\r')
    assert message.get("PV1-2") is None
    assert message.raw("PV1-2") == '""'
    assert message.raw("PV1-3") == ""


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_segments_may_end_in_cr_lf_or_both(end: bytes) -> None:
    message = parse(DISCHARGE.replace(b"\r", end))
    assert message.get("PV1-19") == "V1"
    assert message.get("MSH-12") == "2.5.1"
    assert [segment.name for segment in message.segments()] == ["MSH", "EVN", "PID", "PV1", "OBX", "OBX"]


@pytest.mark.parametrize(
    "lead", [b"\xef\xbb\xbf", b"\r\n", b"\xef\xbb\xbf\n", b"\n\xef\xbb\xbf", b"  \t", b"\x00", b"\x0b"]
)
def test_a_byte_order_mark_or_blanks_may_stand_before_msh(lead: bytes) -> None:
    assert parse(lead + DISCHARGE).get("PV1-19") == "V1"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be"])
def test_a_message_in_utf_16_is_read(codec: str) -> None:
    mark = "\ufeff" if codec == "utf-16-be" else ""
    assert parse((mark + DISCHARGE.decode().replace("Jane", "Jäne")).encode(codec)).get("PID-5.2") == "Jäne"


def test_a_last_segment_without_its_end_is_read() -> None:
    assert parse(DISCHARGE[:-1]).get("OBX[2]-5") == "80"
    assert parse(b"MSH|^~\\&|EHR\rPV1|1|I").get("PV1-2") == "I"


def test_unusual_separators_are_taken_from_the_message() -> None:
    message = parse(b"MSH#*!$%#EHR######ADT*A03#7\rPID#1##M1***NSH%1.2!M2##a$F$b$S$c\r")
    assert (message.message_type, message.control_id) == ("ADT^A03", "7")
    assert message.cx("PID-3") == [("M1", "NSH"), ("M2", "")]
    assert message.get("PID-5") == "a#b*c"


def test_letters_as_separators_are_respected() -> None:
    message = parse(b"MSH|XYZW|EHR\rPV1|1|IXInpatientYO\r")
    assert message.get("PV1-2.2") == "Inpatient"
    assert message.get("PV1-2[2]") == "O"


def test_separators_that_msh_2_leaves_out_are_not_used() -> None:
    assert with_pid_5(b"AT&T\\F\\^x", encoding=b"^~").get("PID-5") == "AT&T\\F\\"


def test_an_empty_msh_2_means_the_customary_separators() -> None:
    assert with_pid_5(b"Doe^Jane", encoding=b"").get("PID-5.2") == "Jane"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"a\\F\\b", "a|b"),
        (b"a\\S\\b", "a^b"),
        (b"a\\T\\b", "a&b"),
        (b"a\\R\\b", "a~b"),
        (b"a\\E\\b", "a\\b"),
        (b"a\\X41\\b", "aAb"),
        (b"a\\X0d0A\\b", "a\r\nb"),
        (b"a\\.br\\b", "a\nb"),
        (b"a\\.sp+3\\b", "a\nb"),
        (b"\\H\\bold\\N\\", "bold"),
        (b"\\Z99\\site", "\\Z99\\site"),
        (b"C:\\temp\\file", "C:\\temp\\file"),
        (b"C:\\temp\\F\\x", "C:\\temp|x"),
        (b"a\\XZZ\\b", "a\\XZZ\\b"),
        (b"a\\", "a\\"),
        (b"\\E\\F\\E\\", "\\F\\"),
    ],
)
def test_escape_sequences_are_resolved_and_other_backslashes_kept(written: bytes, read: str) -> None:
    assert with_pid_5(written).get("PID-5") == read


def test_the_truncation_sign_of_version_2_7_can_be_escaped() -> None:
    assert with_pid_5(b"a\\P\\b", encoding=b"^~\\&#").get("PID-5") == "a#b"
    assert with_pid_5(b"a\\P\\b").get("PID-5") == "a\\P\\b"


@pytest.mark.parametrize(
    ("charset", "codec", "name"),
    [
        ("8859/1", "iso8859_1", "Müller"),
        ("8859/15", "iso8859_15", "Œuvre€"),
        ("8859/5", "iso8859_5", "Иванов"),
        ("UNICODE UTF-8", "utf-8", "Müller 山田"),
        ("unicode utf-8", "utf-8", "Müller"),
        ("", "utf-8", "Müller"),
        ("", "iso8859_1", "Müller"),
        ("ASCII", "iso8859_1", "Müller"),
        ("NO SUCH SET", "utf-8", "Müller"),
        ("8859/1~UNICODE UTF-8", "iso8859_1", "Müller"),
        ("GB 18030-2000", "gb18030", "張三丂"),
        ("BIG-5", "big5", "功許"),
        ("KS X 1001", "euc_kr", "홍길동"),
        ("~ISO IR87", "iso2022_jp", "山田太郎"),
        ("ASCII~ISO IR87", "iso2022_jp", "ヤマダ"),
    ],
)
def test_text_is_read_in_the_character_set_of_msh_18(charset: str, codec: str, name: str) -> None:
    message = with_pid_5(name.encode(codec) + b"^Jane", charset.encode())
    assert message.get("PID-5.1") == name
    assert message.get("PID-5.2") == "Jane"
    assert message.get("PV1-2") == "O"


def test_bytes_that_do_not_fit_the_declared_set_cost_an_accent_not_the_message() -> None:
    assert with_pid_5(b"M\xfcller^Jane", b"UNICODE UTF-8").get("PID-5") == "Müller"


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (b"MSH|^~\\&|||||||ADT^A03^ADT_A03|1", "ADT^A03"),
        (b"MSH|^~\\&|||||||ADT^A04|1", "ADT^A04"),
        (b"MSH|^~\\&|||||||ACK|1", "ACK"),
        (b"MSH|^~\\&|||||||ADT|1\rEVN|A08|2026", "ADT^A08"),
        (b"MSH|^~\\&|||||||ADT^|1\rEVN|A08|2026", "ADT^A08"),
        (b"MSH|^~\\&||", ""),
    ],
)
def test_the_message_type_is_code_and_trigger(header: bytes, kind: str) -> None:
    assert parse(header + b"\r").message_type == kind


def test_a_missing_control_id_reads_as_nothing_and_a_composite_one_as_its_first_component() -> None:
    assert parse(b"MSH|^~\\&|||||||ADT^A03\r").control_id == ""
    assert parse(b"MSH|^~\\&|||||||ADT^A03||P\r").control_id == ""
    assert parse(b"MSH|^~\\&|||||||ADT^A03|C1^X|P\r").control_id == "C1"


@pytest.mark.parametrize(
    "payload", [b"MSH", b"MSH|", b"MSH|^", b"MSH|^~\\&", b"MSH\r", b"MSH|\r", b"MSH||||\r"]
)
def test_a_truncated_msh_is_read_as_far_as_it_goes(payload: bytes) -> None:
    message = parse(payload)
    assert (message.message_type, message.control_id, message.get("PV1-19")) == ("", "", None)
    assert [segment.name for segment in message.segments()] == ["MSH"]


@pytest.mark.parametrize(
    "payload", [b"", b"\x06", b"PID|1", b"<xml/>", b"MSHELL|x", b"ISA*00*", b"\r\n", b"BHS|^~\\&|\rPID|1\r"]
)
def test_what_has_no_msh_is_not_hl7(payload: bytes) -> None:
    with pytest.raises(NotHL7):
        parse(payload)


def test_segments_come_in_order_and_as_written() -> None:
    first, *_, last = parse(DISCHARGE).segments()
    assert (first.name, first.fields[1], first.fields[2], first.fields[9]) == (
        "MSH",
        "|",
        "^~\\&",
        "ADT^A03^ADT_A03",
    )
    assert last == ("OBX", ("OBX", "2", "ST", "WT^Weight", "", "80~81"))


def test_a_batch_is_split_into_its_messages() -> None:
    batch = (
        b"FHS|^~\\&|EHR\rBHS|^~\\&|EHR\r"
        + DISCHARGE
        + DISCHARGE.replace(b"|V1^", b"|V2^")
        + b"BTS|2\rFTS|1\r"
    )
    assert [parse(one).get("PV1-19") for one in split_batch(batch)] == ["V1", "V2"]
    assert split_batch(batch)[0] == DISCHARGE
    assert parse(batch).get("PV1-19") == "V1"
    assert "BTS" not in [segment.name for segment in parse(batch).segments()]


def test_concatenated_messages_with_blank_lines_are_split_too() -> None:
    assert split_batch(DISCHARGE + b"\r\n\r\n" + DISCHARGE) == [DISCHARGE, DISCHARGE]
    assert split_batch(b"") == []


@pytest.mark.parametrize(
    "path",
    [
        "",
        "PID",
        "PID-0",
        "PID-3.",
        "PID-3.0",
        "pid-3",
        "PID.3",
        "PID-3[0]",
        "PIDX-3",
        "PID-3.1.1.1",
        "PID-3 ",
    ],
)
def test_a_malformed_path_is_refused_with_an_example(path: str) -> None:
    with pytest.raises(PathError, match="PV1-19"):
        compile_path(path)


@given(st.binary(max_size=300), st.sampled_from(["MSH-9", "PID-3[2].4.1", "PV1-19", "OBX[2]-5"]))
def test_no_bytes_make_reading_raise(tail: bytes, path: str) -> None:
    message = parse(b"MSH|" + tail)
    message.get(path)
    message.all(path)
    message.cx(path)
    message.ei(path)
    message.raw(path)
    list(message.segments())
    assert isinstance(message.message_type + message.control_id + message.ack_code + message.error_code, str)


@given(st.binary(max_size=300), st.sampled_from([b"", b"MSH", b"FHS|", b"\xff\xfe", b"\xef\xbb\xbfMSH|"]))
def test_no_payload_makes_parsing_raise_anything_but_not_hl7(tail: bytes, lead: bytes) -> None:
    try:
        message = parse(lead + tail)
    except NotHL7:
        assert not lead.endswith(b"MSH|")
    else:
        assert message.data[:3] == b"MSH"


def test_a_message_of_several_patients_is_cut_between_them() -> None:
    message = parse(b"MSH|^~\\&|E\rEVN|A24\rPID|1||M1\rPV1|1\rPID|2||M2\rPV1|2\rPID|3||M3\r")
    assert [one.all("PID-3") for one in message.groups(9)] == [["M1"], ["M2"], ["M3"]]
    assert [one.all("PID-3") for one in message.groups(2)] == [["M1"], ["M2"]]
    first, second, _ = message.groups(3)
    assert (first.get("EVN-1"), second.get("EVN-1"), second.get("MSH-3")) == ("A24", None, "E")
    single = parse(b"MSH|^~\\&|E\rPID|1||M1\r")
    assert single.groups(1) == [single]


def test_an_identifier_comes_with_all_that_says_whose_it_is() -> None:
    message = parse(
        b"MSH|^~\\&|E\rPID|1||M1^^^NS&1.2&ISO^MR~S1^^^&2.1&ISO^SS~\rORC|NW|P1^EHR^1.3^ISO\rORC|NW|P2\r"
    )
    patient, order = compile_path("PID-3"), compile_path("ORC-2")
    assert message.assigned(patient, 4) == [("M1", "NS", "1.2", "MR")]
    assert message.assigned(patient, 4, repetitions=True)[1] == ("S1", "", "2.1", "SS")
    assert message.assigned(order, 2) == [("P1", "EHR", "1.3", "")]
    assert [one.value for one in message.assigned(order, 2, segments=True)] == ["P1", "P2"]
