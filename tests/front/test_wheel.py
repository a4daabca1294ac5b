"""`pip install caretrail` is a tap: no engine, no Dash, no data frames come along."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("chdb", "dash", "plotly", "pandas", "numpy", "pyarrow", "fastapi", "clickhouse_connect")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return next(folder.glob("caretrail-*.whl"))


def test_the_wheel_has_every_room_and_every_data_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "caretrail", "collector", "tracing", "slo", "dashboard", "simulator"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert [name for name in tracked if name not in names and (ROOT / name).exists()] == []
    folder = ROOT / "workflows"
    packs = [
        str(path.relative_to(folder)) for path in (*folder.glob("*.yaml"), *folder.glob("runbooks/*.md"))
    ]
    assert packs
    assert [pack for pack in packs if f"slo/packs/{pack}" not in names] == []


@pytest.mark.slow
def test_a_bare_install_is_a_tap_and_nothing_heavy(wheel: Path, tmp_path: Path) -> None:
    """A clean environment with the locked versions of what the wheel itself asks for."""
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    pins = tmp_path / "constraints.txt"
    pins.write_text(
        "\n".join(
            line.split(" ;")[0].rstrip(" \\")
            for line in (ROOT / "requirements.lock").read_text().splitlines()
            if "==" in line and not line.startswith((" ", "#"))
        )
    )
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--constraint", str(pins), str(wheel)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    listed = subprocess.run(
        [
            str(python),
            "-c",
            "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.replace("-", "_")
    assert {"caretrail", "protobuf"} <= set(listed.split())
    assert set(HEAVY).isdisjoint(listed.split())
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    told = subprocess.run(
        [str(environment / "bin" / "caretrail"), "tap", "--config", str(tmp_path / "none.yaml")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean,
        check=False,
    )
    assert (told.returncode, told.stderr) == (
        2,
        f"caretrail tap: no settings file at {tmp_path / 'none.yaml'}\n",
    )
    up = subprocess.run(
        [str(environment / "bin" / "caretrail"), "up"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean,
        check=False,
    )
    assert up.returncode == 2
    assert "pip install 'caretrail[" in up.stderr
