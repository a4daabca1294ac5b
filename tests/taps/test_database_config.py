"""What is wrong in a database interface is said before anything connects, and never with a password in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collector.taps import database
from collector.taps.config import DatabaseInterface, TapConfigError
from collector.taps.database_reader import Reader
from collector.taps.hops import KeyEncoder
from collector.taps.tap import Ground
from collector.taps.turn import Turn
from tests.taps.world import SEALER, Kept, interfaces

GOOD: dict[str, Any] = {
    "name": "or-supply",
    "kind": "database",
    "url": "postgresql+pg8000://caretrail@db.example/surgery",
    "table": "surgery.implant_use",
    "watermark": "changed_at",
    "tie_breaker": "id",
    "message": "implant-used",
    "keys": [{"kind": "case", "column": "case_no"}],
}


def described(**changes: Any) -> DatabaseInterface:
    given = {name: value for name, value in (GOOD | changes).items() if value is not None}
    (interface,) = interfaces(given)
    assert isinstance(interface, DatabaseInterface)
    return interface


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"url": "postgresql://caretrail:hunter2@db/surgery"}, "url: holds a password: put it into a file"),
        ({"url": "postgresql://db/surgery?user=x&password=hunter2"}, "url: holds a password"),
        ({"url": "db2://db/surgery"}, "url: is no database URL"),
        ({"url": "hunter2"}, "url: is no database URL"),
        ({"table": None}, "table: name a table or a query"),
        ({"query": "SELECT 1"}, "table: name a table or a query"),
        ({"table": None, "query": "DELETE FROM x"}, "query: must be one SELECT"),
        ({"table": None, "query": "SELECT 1; DROP TABLE x"}, "query: must be one SELECT"),
        ({"table": "a b"}, "table: "),
        ({"tie_breaker": "changed_at"}, "tie_breaker: is the watermark itself"),
        ({"password_env": "A", "password_file": "b"}, "password_file: name the password once"),
        ({"timezone": "Chicago"}, "timezone: must be an IANA time zone"),
        ({"keys": []}, "keys: "),
        ({"outcome": {"column": "s", "values": {"X": "acepted"}}}, "did you mean 'accepted'?"),
        ({"message": "an implant was used"}, "message: "),
        ({"url": "mysql+pymysql://u@db/x", "tls": {}}, "tls: only for postgresql"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(TapConfigError) as caught:
        described(**changes)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "interface 'or-supply'" in str(caught.value)


def test_only_the_columns_that_are_named_are_read() -> None:
    interface = described(
        keys=[
            {"kind": "case", "column": "case_no"},
            {"kind": "visit", "column": "v", "authority_column": "a"},
        ],
        measures={"quantity": "quantity"},
        attributes={"department": "dept"},
        outcome={"column": "status", "values": {"X": "accepted"}},
    )
    assert interface.columns == (
        "changed_at", "id", "status", "quantity", "dept", "case_no", "v", "a"
    )  # fmt: skip


def test_a_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises(TapConfigError, match="url: the driver pymssql is not installed"):
        Reader(described(url="mssql://caretrail@db/surgery"))


def test_without_sqlalchemy_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delitem(sys.modules, "collector.taps.database_reader", raising=False)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    sink = Kept()
    ground = Ground(Turn(sink), sink, KeyEncoder(SEALER), tmp_path)  # type: ignore[arg-type]
    with pytest.raises(TapConfigError, match=r"pip install 'caretrail\[database\]'"):
        database.mount(described(), ground)


def test_a_tap_without_a_database_loads_nothing_of_it() -> None:
    script = (
        "import sys, collector.taps.run; "
        "print([name for name in ('sqlalchemy', 'pg8000') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
