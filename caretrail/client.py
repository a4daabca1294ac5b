"""Asks a running instance over its REST API.

Used by `where`, `doctor`, `sql` and `login`. Identifiers travel only in bodies, never in a URL.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from caretrail.instance import CannotStart, find_config
from caretrail.settings import load


class CouldNotAsk(Exception):
    """The instance did not answer, or refused; says why."""


class NobodyAnswers(CouldNotAsk):
    """There is no instance at the address; it may not be running."""


class Client:
    """One instance: its base URL and API token."""

    def __init__(self, url: str, token: str, timeout_s: float = 30.0) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        # No proxy: an identifier asked of this machine must not pass through another.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str) -> Any:
        """The JSON at a path. Raises CouldNotAsk."""
        return self._send(urllib.request.Request(self._url + path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answered to a JSON body. Raises CouldNotAsk."""
        return self._send(
            urllib.request.Request(
                self._url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
        )

    def _send(self, request: urllib.request.Request) -> Any:
        request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise CouldNotAsk(f"{self._url} answered {error.code}: {_reason(error)}") from None
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise NobodyAnswers(f"no Caretrail answers at {self._url}: {why}") from None


def connect(config: str | None, url: str | None = None, timeout_s: float = 30.0) -> Client:
    """The instance of a settings file. Raises CouldNotAsk when the settings or the token cannot be read."""
    try:
        configuration = load(find_config(config))
    except CannotStart as error:
        raise CouldNotAsk(str(error)) from None
    dashboard = configuration.settings.dashboard
    path = configuration.path(dashboard.api_token_file)
    try:
        token = path.read_text().strip()
    except OSError as error:
        raise NobodyAnswers(
            f"cannot read the API token {path}: {error.strerror}. Has it been started?"
        ) from None
    return Client(url or f"http://{dashboard.listen}", token, timeout_s)


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        body = json.load(error)
    except ValueError:
        return str(error.reason)
    detail = body.get("detail") or error.reason
    if isinstance(detail, list):  # what is wrong with a request's fields; never what was in them
        return "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in detail)
    return str(detail)
