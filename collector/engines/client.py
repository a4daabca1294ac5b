"""Asks an engine's REST API. Only GET, and one POST to sign in.

Called by the poller. It must never start, stop or change anything in an engine, read a message's content, or
let a password or an answer into an exception.
"""

from __future__ import annotations

import base64
import http.client
import http.cookiejar
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from collector.engines.config import EngineConfig
from collector.taps.config.tls import upstream_context

MOST_BYTES = 64 << 20


class EngineAway(Exception):
    """The engine did not answer, or not with what it should; the text says what kind of trouble."""


class EngineRefused(Exception):
    """The engine does not let us in, or not there."""


class Client:
    """One engine. Not for several threads."""

    def __init__(self, config: EngineConfig) -> None:
        """Raises `TapConfigError` where TLS files cannot be read."""
        self._config = config
        self._base = f"{config.url}/api"
        self._signed_in = False
        self._cookies = http.cookiejar.CookieJar()
        context: ssl.SSLContext | None = None
        if config.tls is not None:
            context = upstream_context(f"engine {config.name}", config.tls)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPCookieProcessor(self._cookies),
            _NoRedirects(),
        )

    def get(self, path: str) -> Any:
        """The JSON at `path`, which begins with `/`. Raises `EngineAway` and `EngineRefused`."""
        if self._config.login == "session" and not self._signed_in:
            self._sign_in()
        try:
            return self._json(self._send(path, None))
        except EngineRefused:
            if self._config.login == "basic" or not self._signed_in:
                raise
            self._signed_in = False  # the session ended: once more, with a new one
            self._sign_in()
            return self._json(self._send(path, None))

    def _sign_in(self) -> None:
        self._cookies.clear()
        given = {"username": self._config.user, "password": self._password()}
        self._send("/users/_login", urllib.parse.urlencode(given).encode())
        self._signed_in = True

    def _send(self, path: str, body: bytes | None) -> bytes:
        headers = {"Accept": "application/json", "X-Requested-With": "Caretrail"}
        if self._config.login == "basic":
            pair = f"{self._config.user}:{self._password()}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        request = urllib.request.Request(self._base + path, body, headers)
        try:
            with self._opener.open(request, timeout=self._config.timeout_seconds) as answer:
                found: bytes = answer.read(MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (401, 403):
                raise EngineRefused(f"it answered {error.code}: user, password or rights") from None
            raise EngineAway(f"it answered {error.code} to {path.partition('?')[0]}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise EngineAway(getattr(why, "strerror", None) or type(why).__name__) from None
        if len(found) > MOST_BYTES:
            raise EngineAway(f"its answer to {path.partition('?')[0]} is longer than {MOST_BYTES} bytes")
        return found

    def _json(self, body: bytes) -> Any:
        try:
            return json.loads(body) if body.strip() else None
        except (ValueError, RecursionError):
            raise EngineAway("it did not answer JSON") from None

    def _password(self) -> str:
        given = self._config
        if given.password_env is not None:
            if given.password_env not in os.environ:
                raise EngineRefused(f"the environment has no variable {given.password_env}")
            return os.environ[given.password_env]
        try:
            return Path(given.password_file or "").read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise EngineRefused(f"cannot read {given.password_file}: {error.strerror}") from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A password goes to the address it was given for, and to no other."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        return None
