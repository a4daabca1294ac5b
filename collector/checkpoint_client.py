"""Two lines for a program that wants to say "this happened".

    from collector.checkpoint_client import checkpoint
    checkpoint("http://collector:4318", workflow="census", step="counted", keys={"visit": "V123"})

Called by applications, scripts and `caretrail checkpoint`. With the site key, values become tokens here and
nothing readable leaves; without it the collector makes them, so use https or loopback. Imports the standard
library only until a site key is given. It must never put a value into an exception or a log.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracing.authorities import Authorities

ATTEMPTS = 3
MOST_WAIT_S = 10.0


class CheckpointRefused(ValueError):
    """What was said is no checkpoint: sending it again will not help. Names the key that is wrong."""


class CheckpointNotTaken(OSError):
    """The collector could not be asked, or cannot take anything now; the same may be sent again later."""


def checkpoint(
    url: str,
    *,
    keys: Mapping[str, str] | Iterable[Mapping[str, str]],
    authority: str = "",
    at: datetime | None = None,
    site_key: str | Path | None = None,
    attempts: int = ATTEMPTS,
    timeout_s: float = 10.0,
    **fields: Any,
) -> dict[str, Any]:
    """Say that something happened; the answer has `trace_id` and `span_id`, in hex.

    keys: kind to value, with `authority` for all of them, or mappings of `kind`, `value` and `authority`.
    at: when, default now; without zone it is this machine's local time. fields: `workflow` and `step`, or
    `interface`, `source`, `destination` and `message`; `outcome`, `reason`, `facility`, `attributes`,
    `measures`, `id`. Sending the same again changes nothing.

    Raises `CheckpointRefused` and `CheckpointNotTaken`.
    """
    if isinstance(keys, Mapping):
        given = [{"kind": kind, "value": value, "authority": authority} for kind, value in keys.items()]
    else:
        given = [{"authority": authority, **key} for key in keys]
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    document = {"keys": given, "at": moment.isoformat(), **fields}
    return send(url, json.dumps(document).encode(), site_key=site_key, attempts=attempts, timeout_s=timeout_s)


def send(
    url: str,
    document: bytes,
    *,
    site_key: str | Path | None = None,
    authorities: Authorities | None = None,
    attempts: int = ATTEMPTS,
    timeout_s: float = 10.0,
) -> dict[str, Any]:
    """Send checkpoints as JSON: one, or an array of up to 1,000. As `checkpoint` otherwise.

    With a site key, `authorities` is how the site spells its keys; without, the collector knows.
    """
    base = url.rstrip("/")
    if site_key is None:
        answer = _post(f"{base}/api/v1/checkpoints", document, "application/json", attempts, timeout_s)
        found: dict[str, Any] = json.loads(answer)
        return found
    # Only here: these need more than the standard library.
    from collector.checkpoint import CheckpointError, encode
    from tracing.context import SiteKey, SiteKeyError
    from tracing.keys import Sealer

    try:
        encoded = encode(document, Sealer(SiteKey.load(site_key), authorities), "caretrail-checkpoint")
    except CheckpointError as error:
        raise CheckpointRefused("; ".join(f"{field}: {why}" for field, why in error.violations)) from None
    except SiteKeyError as error:
        raise CheckpointNotTaken(str(error)) from None
    _post(f"{base}/v1/traces", encoded.body, "application/x-protobuf", attempts, timeout_s)
    return encoded.answer


def _post(url: str, body: bytes, kind: str, attempts: int, timeout_s: float) -> bytes:
    # No proxy: what is told to this site's collector must not pass through another machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    wait = 0.2
    for attempt in range(1, max(1, attempts) + 1):
        try:
            request = urllib.request.Request(url, body, {"Content-Type": kind})
            with opener.open(request, timeout=timeout_s) as answer:
                taken: bytes = answer.read()
                return taken
        except urllib.error.HTTPError as error:
            text = f"{error.code}: {_reason(error)}"
            if error.code not in (429, 502, 503, 504):
                raise CheckpointRefused(f"the collector answered {text}") from None
            problem = f"the collector answered {text}"
            asked = error.headers.get("Retry-After", "")
            wait = float(asked) if asked.isdigit() else wait
        except ValueError as error:
            raise CheckpointNotTaken(f"{url}: {type(error).__name__}: not an address to send to") from None
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "reason", None) or error
            problem = f"no collector answers: {getattr(why, 'strerror', None) or type(why).__name__}"
        if attempt < attempts:
            time.sleep(min(wait, MOST_WAIT_S))
            wait *= 4
    raise CheckpointNotTaken(problem)


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        message = json.loads(error.read()).get("message")
    except (ValueError, AttributeError, OSError, http.client.HTTPException):
        message = None
    return str(message or error.reason)
