"""What persons decide about identity: take back a merge, call two numbers one patient or two, release a key.

Called by the admin page, the REST API and scripts. A decision is one more dated fact beside those that
systems told; nothing is rewritten, and a decision can itself be taken back. It must never store an
identifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args
from uuid import uuid4

from tracing.store import Store, load_sql

Action = Literal["withdraw", "same", "different", "release"]
ACTIONS: tuple[str, ...] = get_args(Action)
MAX_REASON = 200
_PACKAGE = "tracing.identity.sql"
_COLUMNS = (
    "token", "event_id", "at", "event", "level", "from_kind", "from_token", "to_kind", "to_token",
    "subject_kind", "subject_token", "who", "reason", "withdraws",
)  # fmt: skip


class DecisionError(ValueError):
    """A decision that cannot be taken; the text says why and repeats no identifier."""


def decide(
    store: Store, action: str, tokens: Sequence[str] | str, who: str, reason: str, now: datetime
) -> str:
    """Store a decision; returns its event id.

    withdraw: `tokens` is the id of the event to take back. same, different: two tokens of one kind, patients
    or visits, that are one or are not. release: one token whose collision is none. `who` decided, for
    `reason` (at most 200 characters, no identifiers: it is shown to everybody who sees the journey). Raises
    DecisionError, StoreError.
    """
    named = [tokens] if isinstance(tokens, str) else list(tokens)
    if action not in ACTIONS:
        raise DecisionError(f"an action is one of {', '.join(ACTIONS)}")
    if not who or not reason.strip():
        raise DecisionError("a decision needs a person and a reason")
    if len(reason) > MAX_REASON:
        raise DecisionError(f"a reason has at most {MAX_REASON} characters")
    event_id = uuid4().hex
    if action == "withdraw":
        told = _told(store, named)
        rows = [(row[0], event_id, now, "withdraw", *row[1:], who, reason.strip(), named[0]) for row in told]
    else:
        kinds = dict(store.query(load_sql(_PACKAGE, "kinds.sql"), {"tokens": named}).rows)
        level, concerned = _level(action, named, kinds)
        one, other = concerned
        rows = [
            (token, event_id, now, action, level, kinds.get(one, ""), one, kinds[other], other, "", "",
             who, reason.strip(), "")
            for token in dict.fromkeys(token for token in concerned if token)
        ]  # fmt: skip
    store.insert("identity_events", _COLUMNS, rows)
    return event_id


def _told(store: Store, named: list[str]) -> list[tuple[str, ...]]:
    if len(named) != 1:
        raise DecisionError("withdraw takes the id of one event")
    rows = store.query(load_sql(_PACKAGE, "event.sql"), {"event_id": named[0]}).rows
    if not rows:
        raise DecisionError("there is no such event")
    return [tuple(row) for row in rows]


def _level(action: str, named: list[str], kinds: dict[str, str]) -> tuple[str, tuple[str, str]]:
    """What the decision is about, and the tokens it goes from and to; '' for none."""
    if any(token not in kinds for token in named):
        raise DecisionError("a key of the decision has never been seen")
    if action == "release":
        if len(named) != 1:
            raise DecisionError("release takes one key")
        return _LEVELS.get(kinds[named[0]], "account"), ("", named[0])
    if len(named) != 2 or named[0] == named[1]:
        raise DecisionError(f"{action} takes two keys")
    one, other = named
    if kinds[one] != kinds[other] or kinds[one] not in _LEVELS:
        raise DecisionError(f"{action} takes two patients, or two visits")
    return _LEVELS[kinds[one]], (one, other)


_LEVELS = {"mrn": "patient", "visit": "visit"}
