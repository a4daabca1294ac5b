"""Identity that two taps compute alike without talking, and W3C trace context."""

from __future__ import annotations

import hmac
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from tracing import context
from tracing.context import (
    KeyedHash,
    SiteKey,
    SiteKeyError,
    SpanContext,
    format_traceparent,
    parse_traceparent,
)
from tracing.keys import Key

KEY = SiteKey(bytes(range(32)))


def test_trace_id_is_the_documented_formula() -> None:
    expected = hmac.digest(KEY.secret, b"v1|journey|visit|NSH|V1001", "sha256")[:16]
    assert context.trace_id(KEY, Key("visit", "NSH", "V1001")) == expected


@given(secret=st.binary(min_size=0, max_size=200), data=st.binary(max_size=300))
def test_keyed_hash_is_hmac_sha256(secret: bytes, data: bytes) -> None:
    assert KeyedHash(secret).digest(data) == hmac.digest(secret, data, "sha256")


def test_subkeys_are_hkdf() -> None:
    assert KEY.subkey("seal") == HKDF(SHA256(), 32, salt=None, info=b"seal").derive(KEY.secret)
    assert KEY.subkey("seal") != KEY.subkey("nonce")


def test_span_ids_tell_transmissions_apart_and_repeat_for_the_same_one() -> None:
    first = context.span_id(KEY, "ehr-adt", b"MSH|...", 1)
    assert first == context.span_id(KEY, "ehr-adt", b"MSH|...", 1)
    others = {
        context.span_id(KEY, "ehr-adt", b"MSH|...", 2),
        context.span_id(KEY, "billing", b"MSH|...", 1),
        context.span_id(KEY, "ehr-adt", b"MSH|..!", 1),
        context.span_id(SiteKey(bytes(32)), "ehr-adt", b"MSH|...", 1),
    }
    assert len(others | {first}) == 5
    assert len(first) == 8
    assert len(context.message_trace_id(KEY, "ehr-adt", b"MSH|...")) == 16


def test_no_identifier_is_all_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeyedHash, "digest", lambda self, data: bytes(32))
    assert any(context.trace_id(KEY, Key("visit", "NSH", "V1")))
    assert any(context.span_id(KEY, "ehr-adt", b"", 0))


class TestSiteKeyFile:
    def test_what_create_writes_load_reads(self, tmp_path: Path) -> None:
        path = tmp_path / "site.key"
        created = SiteKey.create(path)
        assert SiteKey.load(path) == created
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert len(created.secret) == 32

    def test_an_existing_key_is_never_overwritten(self, tmp_path: Path) -> None:
        path = tmp_path / "site.key"
        created = SiteKey.create(path)
        with pytest.raises(SiteKeyError, match=r"site\.key"):
            SiteKey.create(path)
        assert SiteKey.load(path) == created

    @pytest.mark.parametrize("content", [b"", b"abcd", b"zz" * 32, b"\xff" * 64, b"00" * 31])
    def test_anything_else_names_the_file(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "site.key"
        path.write_bytes(content)
        with pytest.raises(SiteKeyError, match=r"site\.key"):
            SiteKey.load(path)

    def test_a_missing_file_names_itself(self, tmp_path: Path) -> None:
        with pytest.raises(SiteKeyError, match="No such file"):
            SiteKey.load(tmp_path / "site.key")

    def test_the_secret_does_not_print(self) -> None:
        assert KEY.secret.hex() not in repr(KEY)
        assert repr(KEY.secret) not in repr(KEY)


class TestTraceparent:
    TEXT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    def test_round_trip(self) -> None:
        parsed = parse_traceparent(self.TEXT)
        assert parsed is not None
        assert parsed.trace_id.hex() == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert parsed.flags == 1
        assert format_traceparent(parsed) == self.TEXT

    def test_a_later_version_may_carry_more(self) -> None:
        assert parse_traceparent("01-" + self.TEXT[3:] + "-future") is not None
        assert parse_traceparent(self.TEXT + "-future") is None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "${trace}",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ],
    )
    def test_malformed_is_none(self, text: str) -> None:
        assert parse_traceparent(text) is None

    @given(st.text(max_size=80))
    def test_anything_is_none_or_valid(self, text: str) -> None:
        parsed = parse_traceparent(text)
        assert parsed is None or (any(parsed.trace_id) and any(parsed.span_id))

    def test_format_writes_what_it_is_given(self) -> None:
        assert (
            format_traceparent(SpanContext(bytes([1] * 16), bytes([2] * 8), 0))
            == f"00-{'01' * 16}-{'02' * 8}-00"
        )
