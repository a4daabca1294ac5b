"""One spelling for each key of a site, and what is no key at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tracing.authorities import Authorities
from tracing.blanks import COUNTS, WORDS, is_blank
from tracing.context import SiteKey
from tracing.identity_settings import IdentitySettings
from tracing.keys import Key, Sealer, business_key

NSH = Authorities(
    IdentitySettings(authorities={"NSH": ("1.2.840.1.1", "Northside", "http://nsh.example/mrn")})
)


def normalising(*rules: str, kind: str = "account") -> Authorities:
    return Authorities(IdentitySettings.model_validate({"normalise": {kind: rules}}))


@pytest.mark.parametrize(
    ("namespace", "universal", "name"),
    [
        ("NSH", "", "NSH"),
        ("nsh ", "9.9.9", "NSH"),
        ("NORTHSIDE", "", "NSH"),
        ("", "1.2.840.1.1", "NSH"),
        ("EHR7", "1.2.840.1.1", "NSH"),  # an alias of either part decides
        ("EHR7", "9.9.9", "EHR7"),
        ("", "9.9.9", "9.9.9"),
        ("", "", ""),
        (None, None, ""),
    ],
)
def test_an_hd_names_one_authority(namespace: str | None, universal: str | None, name: str) -> None:
    assert NSH.name(namespace, universal) == name


def test_an_oid_is_the_same_bare_and_as_a_uri() -> None:
    assert NSH.authority("urn:oid:1.2.840.1.1") == "NSH"
    assert Authorities().authority("urn:oid:9.9") == Authorities().name("", "9.9") == "9.9"
    assert NSH.authority("HTTP://NSH.example/mrn") == "NSH"


def test_an_addition_to_an_authority_stays() -> None:
    assert NSH.authority("Northside:FILLER") == "NSH:FILLER"
    assert NSH.authority("other:FILLER") == "OTHER:FILLER"
    assert NSH.authority("PAYER:123") == "PAYER:123"


def test_one_name_cannot_mean_two_authorities() -> None:
    with pytest.raises(ValidationError, match="is a name of 'A' and of 'B'"):
        IdentitySettings(authorities={"A": ("1.2",), "B": ("urn:oid:1.2",)})
    with pytest.raises(ValidationError, match="is a name of"):
        IdentitySettings(authorities={"A": ("B",), "B": ()})


@pytest.mark.parametrize(
    ("rules", "typed", "kept"),
    [
        (("upper",), "ab1", "AB1"),
        (("digits_only",), "A-0012 3", "00123"),
        (("digits_only",), "ABC", "ABC"),  # a rule that would leave nothing is left out
        (("drop_separators",), "12-34 5.6/7_8", "12345678"),
        (("strip_leading_zeros",), "00070", "70"),
        (("strip_leading_zeros",), "000", "0"),
        (("drop_check_digit",), "12345", "1234"),
        (("drop_check_digit",), "5", "5"),
        (("drop_separators", "strip_leading_zeros", "drop_check_digit", "upper"), "00-ab12-3", "AB12"),
    ],
)
def test_rules_apply_in_their_order(rules: tuple[str, ...], typed: str, kept: str) -> None:
    assert normalising(*rules).value("account", typed) == kept
    assert normalising(*rules).value("visit", typed) == typed


def test_what_sources_write_differently_is_one_key() -> None:
    spelt = Authorities(
        IdentitySettings.model_validate(
            {"authorities": {"NSH": ["1.2.840.1.1"]}, "normalise": {"account": ["strip_leading_zeros"]}}
        )
    )
    one = spelt.key("account", "000417", None, "NSH")
    assert one == spelt.key("account", "417", "1.2.840.1.1") == Key("account", "NSH", "417")


def test_without_settings_everything_stays_as_it_is_written() -> None:
    assert Authorities().key("account", " 000417 ", "x") == business_key("account", "000417", "X")


def test_search_looks_for_the_rule_s_spelling_first_and_for_what_was_recorded_before() -> None:
    assert normalising("strip_leading_zeros").spellings("account", " 00a1 ") == ("a1", "00a1", "00A1")
    assert normalising("upper").spellings("visit", "v1") == ("v1", "V1")


def test_a_sealer_carries_the_spelling_also_for_earlier_site_keys() -> None:
    key = SiteKey(bytes(32), (SiteKey(bytes(range(32))),))
    sealer = Sealer(key, NSH)
    assert sealer.authorities is NSH
    assert sealer.earlier[0].authorities is NSH
    assert Sealer(key).authorities.authority("Northside") == "NORTHSIDE"


@pytest.mark.parametrize(
    "value",
    ["0", "00000", "000-00-0000", "UNKNOWN", "unknown", "Un-Known", "999999999", "9999", "123456789",
     "1111111", "SELF", "Self Pay", "NONE", "N/A", "n.a.", "NA", "TBD", "TEST", "X", "XX", "xxxxx", "?",
     "???", "-", "--", ".", "NULL", "#", "PENDING", "NOT AVAILABLE", "Not Assigned", "MRN", "ACCOUNT"],
)  # fmt: skip
def test_values_that_are_no_number(value: str) -> None:
    assert is_blank(value)
    assert Authorities().doubt(Key("account", "NSH", value)) == "blank"


@pytest.mark.parametrize(
    "value",
    ["7", "99", "999", "11", "1111", "12345", "1234567", "1000000", "000001", "A0", "X1", "TEST1", "NA12",
     "V1001", "9998", "99990", "20200101", "0A0", "SELF01", "ünbekannt"],
)  # fmt: skip
def test_values_that_are_numbers(value: str) -> None:
    assert not is_blank(value)


@given(st.integers(min_value=1, max_value=3998))
def test_what_a_counter_gives_is_a_number(number: int) -> None:
    assert not is_blank(str(number))
    assert not is_blank(f"{number:04d}")


def test_the_lists_hold_what_is_compared() -> None:
    assert all(word == word.upper() and word.isalnum() for word in WORDS | COUNTS)


def test_articles_and_requests_are_never_in_doubt() -> None:
    for kind in ("item", "lot", "request"):
        assert Authorities().doubt(Key(kind, "", "NA")) == ""


def test_a_site_may_accept_what_looks_like_none() -> None:
    given = {"accept": [{"kind": "mrn", "value": "9999"}], "normalise": {"mrn": ["strip_leading_zeros"]}}
    accepting = Authorities(IdentitySettings.model_validate(given))
    accepted = accepting.key("mrn", "009999", "NSH")
    assert accepted is not None
    assert accepting.doubt(accepted) == ""
    assert accepting.doubt(Key("visit", "NSH", "9999")) == "blank"
    assert accepting.doubt(Key("mrn", "NSH", "0")) == "blank"


def test_a_cap_allows_one_visit_at_least() -> None:
    assert IdentitySettings(caps={"account": 5}).caps["account"] == 5
    with pytest.raises(ValidationError):
        IdentitySettings(caps={"account": 0})
