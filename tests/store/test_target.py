"""Store URLs: what they mean, and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracing.store import StoreRefused, StoreUnavailable, open_store
from tracing.store.target import Target, parse_target


def test_urls_of_both_backends() -> None:
    assert parse_target("chdb:///var/lib/caretrail") == Target(
        database="caretrail", path="/var/lib/caretrail"
    )
    assert parse_target("chdb:///a%20b?database=x") == Target(database="x", path="/a b")
    assert parse_target("http://me:p%40ss@clickhouse/records?cluster=c") == Target(
        database="records", host="clickhouse", username="me", password="p@ss", cluster="c"
    )
    assert parse_target("https://clickhouse:9000").port == 9000
    assert parse_target("https://clickhouse").port == 8443


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "nothing"),
        ("/var/lib/caretrail", "chdb://"),
        ("postgres://x", "'postgres'"),
        ("chdb://relative", "three slashes"),
        ("chdb:///x?cluster=c", "no option 'cluster'"),
        ("http:///caretrail", "needs a host"),
        ("http://h/bad-name", "letters, digits"),
        ("http://h:port/x", "cannot be read"),
    ],
)
def test_a_wrong_url_says_what_is_wrong(url: str, said: str) -> None:
    with pytest.raises(StoreRefused, match=said):
        parse_target(url)


def test_a_password_is_in_no_repr() -> None:
    assert "secret" not in repr(parse_target("http://me:secret@h/x"))


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        open_store("http://127.0.0.1:9/caretrail")


def test_a_wrong_password_can_be_mended_so_it_is_unavailable(server_url: str) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        open_store(server_url.replace("secret", "wrong"))
    assert "wrong" not in str(refused.value)


def test_a_second_path_in_one_process_is_refused_with_the_reason(embedded_url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="different path"):
        open_store(f"chdb://{tmp_path}")
