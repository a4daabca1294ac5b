"""Business keys: normalised once, hashed for everybody, readable only where the site key is."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing.bodies import BodySealer
from tracing.context import SiteKey, trace_id
from tracing.keys import (
    Key,
    Sealer,
    SealError,
    best,
    business_key,
    format_reference,
    parse_reference,
    priority,
)

SITE = SiteKey(bytes(range(32)))
SEALER = Sealer(SITE)
KEY = Key("visit", "NSH", "V1001")


def test_the_token_of_a_key_is_its_trace_id() -> None:
    assert SEALER.token(KEY) == trace_id(SITE, KEY).hex()


@given(
    kind=st.sampled_from(["visit", "account"]),
    authority=st.text(max_size=20),
    value=st.text(min_size=1, max_size=40).filter(lambda v: v.strip() not in {"", '""'}),
)
def test_sealed_values_open_and_equal_keys_seal_equally(kind: str, authority: str, value: str) -> None:
    key = business_key(kind, value, authority)
    assert key is not None
    sealed = SEALER.seal(key)
    assert SEALER.open(sealed) == key
    assert sealed == Sealer(SITE).seal(key)


def test_different_keys_share_neither_token_nor_seal() -> None:
    keys = [
        Key("visit", "NSH", "1"),
        Key("account", "NSH", "1"),
        Key("visit", "SSH", "1"),
        Key("visit", "NSH", "2"),
    ]
    assert len({SEALER.token(key) for key in keys}) == 4
    assert len({SEALER.seal(key) for key in keys}) == 4


def test_a_separator_in_the_authority_cannot_forge_another_key() -> None:
    forged = business_key("visit", "2", "NSH|1")
    other = business_key("visit", "1|2", "NSH")
    assert forged is not None
    assert other is not None
    assert SEALER.token(forged) != SEALER.token(other)
    assert SEALER.open(SEALER.seal(forged)) == forged


def test_another_site_key_opens_nothing_and_says_nothing() -> None:
    with pytest.raises(SealError) as error:
        Sealer(SiteKey(bytes(32))).open(SEALER.seal(KEY))
    assert "V1001" not in str(error.value)


@pytest.mark.parametrize("sealed", ["", "%%%", "AAAA", base64.b64encode(b"\x02" + bytes(60)).decode()])
def test_what_is_not_sealed_is_refused(sealed: str) -> None:
    with pytest.raises(SealError):
        SEALER.open(sealed)


def test_a_flipped_bit_is_noticed() -> None:
    raw = bytearray(base64.b64decode(SEALER.seal(KEY)))
    raw[-1] ^= 1
    with pytest.raises(SealError):
        SEALER.open(base64.b64encode(bytes(raw)).decode())


def test_a_key_does_not_print_its_value() -> None:
    assert "V1001" not in repr(KEY)
    assert "V1001" not in f"{[KEY]}"


class TestNormalisation:
    def test_value_is_stripped_and_keeps_its_case(self) -> None:
        assert business_key("visit", " v1001 ", "nsh") == Key("visit", "NSH", "v1001")

    def test_the_interfaces_authority_fills_in(self) -> None:
        assert business_key("visit", "V1", None, "nsh") == Key("visit", "NSH", "V1")
        assert business_key("visit", "V1", "", "nsh") == Key("visit", "NSH", "V1")
        assert business_key("visit", "V1", " ", "nsh") == Key("visit", "NSH", "V1")

    @pytest.mark.parametrize("value", [None, "", "  ", '""', "x" * 257])
    def test_no_identifier_is_no_key(self, value: str | None) -> None:
        assert business_key("visit", value, "NSH") is None


class TestPriority:
    def test_visit_before_account_before_claim(self) -> None:
        claim, account, visit = Key("claim", "A", "1"), Key("account", "A", "1"), Key("visit", "A", "1")
        assert best([claim, account, visit]) == visit
        assert best([claim, account]) == account

    def test_an_mrn_never_names_a_journey(self) -> None:
        assert best([Key("mrn", "A", "1")]) is None
        assert best([]) is None

    def test_first_of_a_kind_wins_and_unknown_kinds_come_last(self) -> None:
        assert best([Key("order", "A", "1"), Key("order", "A", "2")]) == Key("order", "A", "1")
        assert priority("tray") > priority("mrn")
        assert best([Key("tray", "A", "1"), Key("journal", "A", "2")]) == Key("journal", "A", "2")


class TestReferences:
    @given(authority=st.text(st.characters(blacklist_categories=["Cs"]), max_size=30))
    def test_round_trip_with_any_authority(self, authority: str) -> None:
        assert parse_reference(format_reference("visit", authority, "ab" * 16)) == (
            "visit",
            authority,
            "ab" * 16,
        )

    def test_anything_else_is_refused(self) -> None:
        with pytest.raises(ValueError, match="kind:authority:token"):
            parse_reference("visit:NSH")


def test_after_a_rotation_what_was_recorded_is_found_and_opened(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    key = Key("visit", "NSH", "V1")
    first = Sealer(SiteKey.create(path))
    second = Sealer(SiteKey.rotate(path))
    loaded = Sealer(SiteKey.load(path))
    assert loaded.site_key == second.site_key
    third = Sealer(SiteKey.rotate(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert third.tokens(key) == [third.token(key), second.token(key), first.token(key)]
    assert len(set(third.tokens(key))) == 3
    for earlier in (first, second, third):
        assert third.open(earlier.seal(key)) == key
    with pytest.raises(SealError):
        first.open(third.seal(key))
    body = BodySealer(first.site_key).seal(b"MSH|...")
    assert BodySealer(third.site_key).open(body.decode("ascii")) == b"MSH|..."
