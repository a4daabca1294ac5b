"""Configuration mistakes name the interface, the key and the remedy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.taps import path_check
from collector.taps.config import HttpInterface, MllpInterface, TapConfigError, load_interfaces, parse_address
from tests.taps.world import interfaces

MLLP = {
    "name": "ehr-adt",
    "kind": "mllp",
    "listen": "127.0.0.1:2575",
    "upstream": "127.0.0.1:2675",
    "source": "ehr",
    "destination": "engine",
}
HTTP = MLLP | {"name": "erp", "kind": "http", "listen": "127.0.0.1:2576", "upstream": "http://127.0.0.1:80"}


def test_defaults() -> None:
    (interface,) = load_interfaces([MLLP])
    assert isinstance(interface, MllpInterface)
    assert [(key.kind, key.path) for key in interface.keys] == [
        ("visit", "PV1-19"),
        ("account", "PID-18"),
        ("order", "ORC-2"),
        ("order", "OBR-2"),
        ("order", "ORC-3"),
        ("order", "OBR-3"),
        ("order", "FT1-23"),
        ("order", "TXA-14"),
        ("order", "TXA-15"),
        ("order", "SCH-26"),
        ("order", "SCH-27"),
        ("case", "PV1-50"),
        ("appointment", "SCH-1"),
        ("appointment", "SCH-2"),
        ("document", "TXA-12"),
        ("mrn", "PID-3"),
        ("lot", "RXA-15"),
        ("lot", "RXD-18"),
        ("lot", "RXG-19"),
    ]
    assert interface.measures == {"quantity": "FT1-10", "amount": "FT1-11"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keys": [{"kind": "visit", "path": "PV1-99"}]}, r"'ehr-adt': keys\[0\].path: PV1-99: PV1 has"),
        (
            {"keys": [{"kind": "visit", "path": "PV1"}]},
            r"'ehr-adt': keys\[0\].path: 'PV1' is not an HL7 path",
        ),
        ({"keys": [{"kind": "visitor", "path": "PV1-19"}]}, r"'ehr-adt': keys\[0\].kind: Input should be"),
        ({"attributes": {"ward": "PVV-3"}}, r"'ehr-adt': attributes.ward: PVV-3"),
        ({"listen": "2575"}, r"'ehr-adt': listen: '2575' is not host:port"),
        ({"listen": "::1:2575"}, r"'ehr-adt': listen: .* brackets"),
        ({"upstreem": "127.0.0.1:1"}, r"'ehr-adt': upstreem: Extra inputs"),
        ({"ack_timeout_seconds": 0}, r"'ehr-adt': ack_timeout_seconds"),
        ({"kind": "mlp"}, r"'ehr-adt': .*'mllp', 'http', 'folder'"),
        ({"name": "ehr adt"}, r"'ehr adt': name"),
    ],
)
def test_mistakes(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TapConfigError, match=message):
        load_interfaces([MLLP | change])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"upstream": "http://erp:80/api"}, "no path"),
        ({"upstream": "erp:80"}, "scheme"),
        ({"routes": ["/journals"]}, r"routes\[0\]: .* POST /journals"),
        ({"keys": [{"kind": "account", "pointer": "reference"}]}, r"keys\[0\].pointer: .*JSON pointer"),
        ({"reason": "/a~2"}, "reason.*: .*JSON pointer"),
    ],
)
def test_http_mistakes(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TapConfigError, match=rf"'erp': .*{message}"):
        load_interfaces([HTTP | change])


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(TapConfigError) as error:
        load_interfaces([MLLP | {"listen": "x"}, HTTP | {"reason": "x"}, "junk"])
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "interface 'ehr-adt'",
        "interface 'erp'",
        "interface 'number 3'",
    ]


def test_two_interfaces_share_neither_name_nor_address() -> None:
    with pytest.raises(TapConfigError, match="two interfaces"):
        load_interfaces([MLLP, HTTP | {"name": "ehr-adt"}])
    with pytest.raises(TapConfigError, match=r"'erp': listen: 127\.0\.0\.1:2575 is taken by 'ehr-adt'"):
        load_interfaces([MLLP, HTTP | {"listen": "127.0.0.1:2575"}])


def test_site_defined_segments_are_allowed() -> None:
    assert load_interfaces([MLLP | {"keys": [{"kind": "case", "path": "ZBX-3"}]}])


def test_https_upstreams_have_a_default_port() -> None:
    (interface,) = load_interfaces([HTTP | {"upstream": "https://erp.example"}])
    assert isinstance(interface, HttpInterface)


def test_addresses() -> None:
    assert parse_address("[::1]:2575") == ("::1", 2575)
    for bad in ("a:99999", ":1", "a:", "a"):
        with pytest.raises(ValueError, match="host:port"):
            parse_address(bad)


def test_paths_are_checked_in_a_process_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "hl7apy", raising=False)
    assert path_check.problems(("PV1-19", "PV1-88"), "2.5.1").keys() == {"PV1-88"}
    assert "hl7apy" not in sys.modules


def test_acknowledgements_come_back_for_an_interface_that_is_there() -> None:
    mllp = {"kind": "mllp", "upstream": "127.0.0.1:9"}
    described = [
        mllp | {"name": "ehr-adt", "listen": "127.0.0.1:1"},
        mllp | {"name": "engine-acks", "listen": "127.0.0.1:2", "acknowledges": "ehr-atd"},
    ]
    with pytest.raises(TapConfigError, match=r"'engine-acks': acknowledges: .*did you mean 'ehr-adt'"):
        interfaces(*described)
    described[1]["acknowledges"] = "ehr-adt"
    assert len(interfaces(*described)) == 2


def test_the_example_in_the_documentation_loads() -> None:
    text = (Path(__file__).parents[2] / "docs" / "taps" / "mllp.md").read_text()
    example = text.partition("```yaml\n")[2].partition("```")[0]
    assert len(load_interfaces(yaml.safe_load(example)["interfaces"])) == 3
