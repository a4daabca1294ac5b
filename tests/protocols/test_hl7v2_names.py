"""Paths in configuration: a mistake is named, with what was probably meant."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tracing.protocols.hl7v2_names import (
    UnknownPath,
    describe,
    nearest_version,
    validate_path,
    versions,
)
from tracing.protocols.hl7v2_path import PathError, compile_path


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("path", ["PV1-19", "PV1-19.1", "PID-3", "MSH-10", "EVN-1", "OBR-2", "ORC-2"])
def test_what_a_tap_reads_by_default_exists_in_every_version(path: str, version: str) -> None:
    assert validate_path(path, version) == compile_path(path)


@pytest.mark.parametrize(
    "path", ["PID-3[2].4.1", "OBX-5.7.2", "ZTC-1.9.9", "PV1-2.1", "OBX[3]-5", "PID-18.4"]
)
def test_paths_into_composites_z_segments_and_varying_fields_are_accepted(path: str) -> None:
    assert validate_path(path, "2.5.1").text == path


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("PVI-19.1", "PV1-19.1"),
        ("PDI-3[2].4", "PD1-3[2].4"),
        ("PV1-190", "PV1-19"),
        ("OBX-99", "OBX-9"),
        ("PID-3.40", "PID-3.10"),
        ("PID-3.4.9", "PID-3.4.3"),
        ("PID-1.2", "PID-1.1"),
        ("pid-3.1", "PID-3.1"),
        ("PID.3.1", "PID-3.1"),
        ("QQQ-1", ""),
    ],
)
def test_an_unknown_path_is_refused_with_the_nearest_known_one(path: str, nearest: str) -> None:
    with pytest.raises(UnknownPath) as caught:
        validate_path(path, "2.5.1")
    assert caught.value.nearest == nearest
    assert ("did you mean" in str(caught.value)) == bool(nearest)


def test_the_message_says_what_is_there() -> None:
    with pytest.raises(
        UnknownPath, match=r"PID-3 \(Patient Identifier List\) has 10 components in HL7 v2.5.1"
    ):
        validate_path("PID-3.40", "2.5.1")


def test_a_field_that_came_later_is_unknown_in_an_older_version() -> None:
    validate_path("PID-33", "2.5.1")
    with pytest.raises(UnknownPath, match=r"PID has 30 fields in HL7 v2\.3"):
        validate_path("PID-33", "2.3")


def test_an_unknown_version_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownPath, match=r"did you mean 2\.5\.1\?"):
        validate_path("PID-3", "2.51")


def test_text_that_is_no_path_is_a_path_error() -> None:
    with pytest.raises(PathError, match="not an HL7 path"):
        validate_path("the visit number", "2.5.1")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("PV1-19", "Visit Number"),
        ("PV1-19.1", "Visit Number: ID Number"),
        ("PID-3.4.1", "Patient Identifier List: Assigning Authority: Namespace ID"),
        ("PID-18", "Patient Account Number"),
        ("PID-7", "Date/Time of Birth"),
        ("PID-1", "Set ID PID"),
        ("MSH-10", "Message Control ID"),
        ("ORC-2", "Placer Order Number"),
        ("ZTC-1", "ZTC-1"),
        ("PV1-99", "PV1-99"),
        ("no path", "no path"),
    ],
)
def test_a_path_has_a_name_for_people(path: str, name: str) -> None:
    assert describe(path) == name


@pytest.mark.parametrize(
    ("version", "read_as"),
    [("2.5.1", "2.5.1"), ("2.9", "2.8.2"), ("2.3.2", "2.3.1"), ("1", "2.1"), ("", "2.5.1"), ("?", "2.5.1")],
)
def test_names_for_an_unknown_version_come_from_the_nearest(version: str, read_as: str) -> None:
    assert nearest_version(version) == read_as
    assert describe("PV1-19", version) == "Visit Number"


def test_reading_messages_does_not_load_the_tables() -> None:
    modules = "tracing.protocols.hl7v2, tracing.protocols.hl7v2_names"
    code = f"import sys, {modules}; sys.exit('hl7apy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
