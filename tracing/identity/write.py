"""Writes what the resolver decided: places that changed, where a key was before, doubts raised and cleared.

Called by the resolver only. What is as it was is not written again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Set
from datetime import datetime
from secrets import randbelow
from typing import Any

from tracing.identity.known import Known, Raised, rows_of
from tracing.identity.model import NEVER, Collision, Place
from tracing.store import Store

_WRITERS = 1 << 10
_DECIDED = 1 << 62
_COLLISION_COLUMNS = ("token", "why", "kind", "evidence", "raised_at", "cleared_at", "version")


class Writer:
    """Writes for one resolver."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # Two resolvers that write at once must not give two places the same version; which of them stays does
        # not matter, as the one that knew less looks again.
        self._salt = randbelow(_WRITERS)

    def places(
        self, wanted: Mapping[str, Place], now: datetime, known: Known, alone: Container[str] = ()
    ) -> int:
        """Store the places that differ from those in the store; returns how many.

        known: what this step knows of the store. alone: keys that no link holds; one that has no row and is
        its own journey gets none.
        """
        known.load(wanted)
        stamp = int(now.timestamp() * 1_000_000) * _WRITERS
        left, rows = [], []
        for token, place in wanted.items():
            before, version = known.places.get(token, (None, 0))
            own = (token, "certain", "own", ())
            if place == before or (before is None and token in alone and place[1:] == own):
                continue
            # A token without a row was its own journey until now.
            former = before.journeys if before else {token}
            left += [(token, journey) for journey in sorted(former - place.journeys)]
            newer = max(version + 1, stamp) + self._salt
            known.places[token] = place, newer
            rows.append((token, place.kind, place.journey, place.certainty, place.basis, place.eras, newer))
        # Former journeys first: whoever sees a token's new place must find where it came from.
        self._store.insert("journey_former", ("token", "journey"), left)
        columns = ("token", "kind", "journey", "certainty", "basis", "eras", "version")
        self._store.insert("journeys", columns, rows)
        return len(rows)

    def collisions(
        self, found: Iterable[Collision], settled: Iterable[str], now: datetime, known: Known
    ) -> None:
        """Raise what is new of `found`, and clear what is no doubt any more of `settled` keys."""
        known.load(settled)
        stands = {
            (token, why): raised
            for token in settled
            for why, raised in known.collisions.get(token, {}).items()
        }
        stamp = int(now.timestamp() * 1000)
        rows: list[tuple[Any, ...]] = []
        for one in found:
            _, evidence, raised_at, cleared_at, version = stands.pop(
                (one.token, one.why), Raised(one.kind, (), now, now, 0)
            )
            if cleared_at < NEVER or evidence != one.evidence:
                since = raised_at if cleared_at >= NEVER else now
                newer = max(version + 1, stamp)
                rows.append((one.token, one.why, one.kind, list(one.evidence), since, NEVER, newer))
        for (token, why), (kind, evidence, raised_at, cleared_at, version) in stands.items():
            if cleared_at >= NEVER:
                rows.append((token, why, kind, list(evidence), raised_at, now, max(version + 1, stamp)))
        self._store.insert("key_collisions", _COLLISION_COLUMNS, rows)

    def blanks(self, tokens: Iterable[str], released: Set[str], now: datetime) -> None:
        """Clear placeholders that a person released, and raise them again when that was taken back.

        Taps raise a placeholder with every message, dated by the clock: what is written here stands above.
        """
        rows: list[tuple[Any, ...]] = []
        for token, kind, evidence, raised_at, cleared_at, version in rows_of(
            self._store, "known_blanks.sql", tokens
        ):
            is_open = cleared_at >= NEVER
            if is_open == (token in released) and (is_open or version >= _DECIDED):
                until = now if is_open else NEVER
                newer = max(version + 1, _DECIDED)
                rows.append((token, "blank", kind, evidence, raised_at, until, newer))
        self._store.insert("key_collisions", _COLLISION_COLUMNS, rows)

    def doubtful(self, found: Mapping[str, set[str]], known: Known) -> None:
        """Remember for which visits some keys were doubtful."""
        rows = [
            (visit, token)
            for token, visits in found.items()
            for visit in sorted(visits)
            if token not in known.doubtful.get(visit, ())
        ]
        self._store.insert("doubtful_keys", ("other", "token"), rows)
