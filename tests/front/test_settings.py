"""Settings: defaults that work, paths from the file's folder, mistakes named."""

from __future__ import annotations

from pathlib import Path

import pytest

from caretrail.main import main
from caretrail.settings import load
from tracing.documents import DocumentError


def write(folder: Path, text: str) -> Path:
    path = folder / "caretrail.yaml"
    path.write_text(text)
    return path


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, ""))
    assert configuration.settings.dashboard.listen == "127.0.0.1:8050"
    assert configuration.store_url == f"chdb://{tmp_path.resolve()}/store"


def test_paths_start_from_the_files_folder(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, "collector: {wal: log}\nstore: {url: 'chdb:/var/x?database=y'}\n"))
    assert configuration.path(configuration.settings.collector.wal) == tmp_path.resolve() / "log"
    assert configuration.store_url == "chdb:///var/x?database=y"


def test_a_servers_password_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("pa/ss@wo:rd\n")
    text = "store: {url: 'http://caretrail@db:8123/caretrail', password_file: pw}\n"
    assert load(write(tmp_path, text)).store_url == "http://caretrail:pa%2Fss%40wo%3Ard@db:8123/caretrail"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("collektor: {}\n", "caretrail.yaml:1:1: collektor: unknown key (did you mean 'collector'?)"),
        ("site:\n  timezone: Chicago\n", "caretrail.yaml:2:3: site.timezone: must be an IANA time zone"),
        ("collector:\n\n  wal_limit: 4 GBs\n", "caretrail.yaml:3:3: collector.wal_limit: must be a size"),
        ("dashboard: {listen: 8050}\n", "caretrail.yaml:1:13: dashboard.listen: input should be a"),
        ("dashboard: {listen: 'x'}\n", "caretrail.yaml:1:13: dashboard.listen: must be host:port"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load(write(tmp_path, text))
    assert told in str(caught.value)


def test_an_interface_with_a_field_the_standard_does_not_know(tmp_path: Path) -> None:
    text = """
interfaces:
    - {name: a, kind: mllp, listen: "127.0.0.1:1", upstream: "127.0.0.1:2", source: x, destination: y}
    - {name: b, kind: mllp, listen: "127.0.0.1:3", upstream: "127.0.0.1:2", source: x, destination: y,
       keys: [{kind: visit, path: PV1-99}]}
"""
    with pytest.raises(DocumentError) as caught:
        load(write(tmp_path, text))
    told = str(caught.value)
    assert "caretrail.yaml:4:7: interfaces[1]" in told
    assert "PV1-99" in told


INTERFACE = "{{name: {}, kind: mllp, listen: '127.0.0.1:{}', upstream: 'e:1', source: x, destination: y}}"


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        (("a", 1), ("a", 2), "caretrail.yaml:3:6: interfaces[1].name: another one has this name"),
        (
            ("a", 1),
            ("b", 1),
            "caretrail.yaml:1:1: interfaces: interface 'b': listen: 127.0.0.1:1 is taken by 'a'",
        ),
    ],
)
def test_two_interfaces_that_cannot_both_be(
    tmp_path: Path, first: tuple[str, int], second: tuple[str, int], problem: str
) -> None:
    text = f"interfaces:\n  - {INTERFACE.format(*first)}\n  - {INTERFACE.format(*second)}\n"
    with pytest.raises(DocumentError) as caught:
        load(write(tmp_path, text))
    assert problem in str(caught.value)


def test_the_environment_fills_in_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "store: {url: 'http://user:${env:CARETRAIL_TEST_SECRET}@h:8123/caretrail'}\n")
    with pytest.raises(
        DocumentError, match=r"yaml:1:9: store.url: the environment has no variable CARETRAIL"
    ):
        load(path)
    monkeypatch.setenv("CARETRAIL_TEST_SECRET", "s3cret")
    assert load(path).settings.store.url == "http://user:s3cret@h:8123/caretrail"


def test_config_check_prints_one_line_and_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "check", "--config", str(write(tmp_path, "site: {name: A}\n"))]) == 0
    assert "fine (0 interfaces" in capsys.readouterr().out
    assert main(["config", "check", "--config", str(write(tmp_path, "site: {nam: A}\n"))]) == 2
    assert "did you mean 'name'?" in capsys.readouterr().err
    assert main(["config", "check", "--config", str(tmp_path / "none.yaml")]) == 2
    assert "no settings file" in capsys.readouterr().err
