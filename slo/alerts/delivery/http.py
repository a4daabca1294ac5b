"""One POST of JSON with a time limit, for receivers of alerts. Never follows a redirect and never retries."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 5.0


class DeliveryError(Exception):
    """A receiver could not be told; the notices are to be sent again."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect())


def require_http(url: str) -> str:
    """`url` itself; ValueError when it is not an http or https address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a receiver of alerts needs an address such as http://alertmanager:9093")
    return url


def post_json(url: str, body: Any) -> None:
    """POST `body`; returns when the receiver answered 2xx, else raises DeliveryError with its status."""
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    where = urlsplit(url).netloc.rpartition("@")[2]
    try:
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as response:
            response.read()
    except urllib.error.HTTPError as error:
        said = error.read(200).decode("utf-8", "replace").strip()
        raise DeliveryError(f"{where} answered {error.code}: {said}") from error
    except (OSError, ValueError) as error:
        raise DeliveryError(f"{where} cannot be reached: {error}") from error
