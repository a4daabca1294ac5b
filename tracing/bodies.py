"""Message bodies, where an interface says that they are captured: bounded, compressed, sealed.

Called by the taps for any protocol, and by pages that may reveal a body. Whoever holds the site key can open
one; nobody else learns more than its size. It must never put a body into an exception, a log or a name.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tracing.context import KeyedHash, SiteKey
from tracing.keys import SealError

MAX_BODY = 1 << 20
"""Longest body, in bytes, that is ever sealed or opened."""
_VERSION = b"\x01"
_AAD = b"caretrail sealed body v1"
_NONCE = 12
_TAG = 16


class BodySealer:
    """Seals and opens bodies of one site; safe for several threads."""

    def __init__(self, site_key: SiteKey) -> None:
        self._earlier = [BodySealer(key) for key in site_key.earlier]
        self._cipher = AESGCM(site_key.subkey("caretrail/v1/body"))
        self._nonces = KeyedHash(site_key.subkey("caretrail/v1/body-nonce"))

    def seal(self, body: bytes, limit: int = MAX_BODY) -> bytes:
        """Base64, in ASCII, of version, nonce and AES-256-GCM ciphertext of the first `limit` bytes.

        Deterministic, so that a span sent twice is the same twice: the nonce is a keyed hash of what is
        sealed, and never serves two plaintexts.
        """
        plain = zlib.compress(body[: min(limit, MAX_BODY)], 1)
        nonce = self._nonces.digest(plain)[:_NONCE]
        sealed = _VERSION + nonce + self._cipher.encrypt(nonce, plain, _AAD)
        return binascii.b2a_base64(sealed, newline=False)

    def open(self, sealed: str) -> bytes:
        """The body, or as much of it as was kept; raises `SealError`, whose text never quotes it."""
        try:
            raw = base64.b64decode(sealed, validate=True)
        except (binascii.Error, ValueError):
            raise SealError("not a sealed body") from None
        if len(raw) < 1 + _NONCE + _TAG or raw[:1] != _VERSION:
            raise SealError("not a sealed body of a version this release knows")
        try:
            plain = self._cipher.decrypt(raw[1 : 1 + _NONCE], raw[1 + _NONCE :], _AAD)
        except InvalidTag:
            for sealer in self._earlier:
                with suppress(SealError):
                    return sealer.open(sealed)
            raise SealError("sealed with another site key, or damaged") from None
        unpacker = zlib.decompressobj()
        try:
            return unpacker.decompress(plain, MAX_BODY)
        except zlib.error:
            raise SealError("the sealed body is damaged") from None
