"""Business keys: how an identifier in a message becomes a keyed token and a sealed value.

Called by the taps for every message, by search for what somebody typed, and by pages that may reveal a value.
It must never put an identifier into an exception, a log line or a representation.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args
from urllib.parse import quote, unquote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tracing.context import KeyedHash, SiteKey, journey_trace_id, trace_id

if TYPE_CHECKING:
    from tracing.authorities import Authorities

KeyKind = Literal[
    "visit",
    "account",
    "order",
    "claim",
    "case",
    "purchase_order",
    "journal",
    "remittance",
    "requisition",
    "appointment",
    "charge",
    "invoice",
    "shipment",
    "document",
    "inquiry",
    "mrn",
    "item",
    "lot",
    "request",
]
KINDS: tuple[str, ...] = get_args(KeyKind)
"""Kinds of business keys, best first."""

SEARCH_ONLY = frozenset({"mrn", "item", "lot", "request"})
"""Kinds that find messages and never decide which belong together: a patient, an article, a lot has many
encounters, and what a program calls its request belongs to no document."""
MAX_VALUE = 256
_PRIORITY = {kind: rank for rank, kind in enumerate(KINDS)}
_VERSION = b"\x01"
_AAD = b"caretrail sealed key v1"
_NONCE = 12
_TAG = 16
_CACHED = 8192


class SealError(Exception):
    """A sealed value is damaged, or was sealed with another site key."""


class Key(NamedTuple):
    """One identifier as it is hashed: build it with `business_key`, which normalises."""

    kind: str
    authority: str
    value: str

    def __repr__(self) -> str:
        return f"Key(kind={self.kind!r}, authority={self.authority!r}, value=<hidden>)"


def business_key(
    kind: str, value: str | None, authority: str | None, default_authority: str = ""
) -> Key | None:
    """The normalised key, or None if `value` is empty, the HL7 null (`""`), or no identifier at all.

    The value is stripped and otherwise kept: identifiers of many systems are case-sensitive. `authority` is
    the assigning authority found in the message (HL7 v2.5.1 CX.4.1), `default_authority` the interface's.
    """
    if value is None:
        return None
    if authority is not None:
        authority = authority.strip()
    return named_key(kind, value, normalise_authority(authority or default_authority))


def named_key(kind: str, value: str, authority: str) -> Key | None:
    """`business_key` for an authority that is normalised already."""
    value = value.strip()
    if not value or value == '""' or len(value) > MAX_VALUE:
        return None
    return Key(kind, authority, value)


@lru_cache(maxsize=1024)
def normalise_authority(authority: str) -> str:
    """Upper case, no surrounding space, an OID without `urn:oid:`: HL7 v2 writes it bare, FHIR as a URI.

    `|` is escaped because it separates the parts that are hashed.
    """
    return authority.strip().upper().removeprefix("URN:OID:").replace("%", "%25").replace("|", "%7C")


def priority(kind: str) -> int:
    """Rank of a kind, 0 is best; a kind outside the list ranks behind every known one."""
    return _PRIORITY.get(kind, len(KINDS))


def best(keys: list[Key]) -> Key | None:
    """The key that names the journey of a message: the first of the best kind, never a search-only one."""
    found: Key | None = None
    rank = len(KINDS) + 1
    for key in keys:
        if key.kind not in SEARCH_ONLY and (own := _PRIORITY.get(key.kind, len(KINDS))) < rank:
            found, rank = key, own
    return found


def format_reference(kind: str, authority: str, token: str) -> str:
    """One element of `journey.keys`: `kind:authority:token`, the authority percent-encoded."""
    return f"{kind}:{quote(authority, safe='')}:{token}"


def parse_reference(text: str) -> tuple[str, str, str]:
    """`(kind, authority, token)` of one element of `journey.keys`; ValueError if it is not one."""
    parts = text.split(":")
    if len(parts) != 3:
        raise ValueError("a journey key reference has the form kind:authority:token")
    return parts[0], unquote(parts[1]), parts[2]


def _authorities() -> Authorities:
    from tracing.authorities import Authorities  # which is made of keys itself

    return Authorities()


class Sealer:
    """Tokens and sealed values of one site.

    Tokens are what everybody may see and search by; a sealed value opens only where the site key is.
    Safe for several threads: the caches are `functools.lru_cache`.
    """

    def __init__(self, site_key: SiteKey, authorities: Authorities | None = None) -> None:
        self.site_key = site_key
        self.authorities = authorities or _authorities()
        """How the site spells its keys: whoever makes tokens of what somebody wrote spells it first."""
        self.earlier = tuple(Sealer(key, self.authorities) for key in site_key.earlier)
        """Those of the keys this one replaced, newest first."""
        self._cipher = AESGCM(site_key.subkey("caretrail/v1/seal"))
        self._nonces = KeyedHash(site_key.subkey("caretrail/v1/nonce"))
        self._cached_token = lru_cache(maxsize=_CACHED)(self._token)
        self._cached_seal = lru_cache(maxsize=_CACHED)(self._seal)

    def token(self, key: Key) -> str:
        """32 lower-case hexadecimal digits; also the trace ID of messages whose best key it is."""
        return self._cached_token(key)

    def tokens(self, key: Key) -> list[str]:
        """The token, and those it had under earlier site keys: what to look for."""
        return [self.token(key), *(sealer.token(key) for sealer in self.earlier)]

    def seal(self, key: Key) -> str:
        """Base64 of version, nonce and AES-256-GCM ciphertext.

        Deterministic: the nonce is a keyed hash of the plaintext, so equal keys seal equally and a nonce
        never serves two plaintexts.
        """
        return self._cached_seal(key)

    def token_and_seal(self, key: Key) -> tuple[bytes, bytes]:
        """The token as 16 bytes and the sealed value in ASCII, uncached: for callers that keep the result."""
        plain = f"{key.kind}|{key.authority}|{key.value}".encode("utf-8", "surrogatepass")
        return journey_trace_id(self.site_key, plain), self._sealed(plain)

    def open(self, sealed: str) -> Key:
        """The key behind a sealed value; raises `SealError`, whose text never quotes the value."""
        try:
            raw = base64.b64decode(sealed, validate=True)
        except (binascii.Error, ValueError):
            raise SealError("not a sealed value") from None
        if len(raw) < 1 + _NONCE + _TAG or raw[:1] != _VERSION:
            raise SealError("not a sealed value of a version this release knows")
        try:
            plain = self._cipher.decrypt(raw[1 : 1 + _NONCE], raw[1 + _NONCE :], _AAD)
        except InvalidTag:
            for sealer in self.earlier:
                with suppress(SealError):
                    return sealer.open(sealed)
            raise SealError("sealed with another site key, or damaged") from None
        kind, authority, value = plain.decode("utf-8", "surrogatepass").split("|", 2)
        return Key(kind, authority, value)

    def _token(self, key: Key) -> str:
        return trace_id(self.site_key, key).hex()

    def _seal(self, key: Key) -> str:
        plain = f"{key.kind}|{key.authority}|{key.value}".encode("utf-8", "surrogatepass")
        return self._sealed(plain).decode("ascii")

    def _sealed(self, plain: bytes) -> bytes:
        nonce = self._nonces.digest(plain)[:_NONCE]
        return binascii.b2a_base64(_VERSION + nonce + self._cipher.encrypt(nonce, plain, _AAD), newline=False)
