"""Why each message belongs to a journey: the links from what it hangs on to the root, and what was said.

Called by the REST API for `caretrail journey explain`. It reads tokens and sealed values and never opens one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from slo.workflows.judgement import PACKAGE
from slo.workflows.messages import places_of
from slo.workflows.rows import Journey, SealedKey
from tracing.identity import read
from tracing.identity.model import Place
from tracing.identity.read import IdentityEvent, Step
from tracing.store import Store, load_sql

MOST_KEYS: Final = 100


@dataclass(frozen=True, slots=True)
class Explanation:
    """chains: by the token a message hangs on, the steps to the journey's root (none: it is the root itself).

    places: of these tokens, with the eras of those that served several journeys. events: what was said of any
    key of the journey, oldest first, decisions of persons included. keys: those of the journey, and others
    that chains and events name. left_out: tokens beyond `MOST_KEYS`.
    """

    chains: dict[str, list[Step]]
    places: dict[str, Place]
    events: list[IdentityEvent]
    keys: list[SealedKey]
    left_out: int = 0


def explain(store: Store, journey: Journey) -> Explanation:
    """The reasons for every message of a journey, as it is now."""
    hung = list(dict.fromkeys(hop.token for hop in journey.hops))
    known = sorted({*hung, *(key.token for key in journey.keys)})
    chains = {token: read.chain(store, token) for token in hung[:MOST_KEYS]}
    events = read.history(store, known)
    named = {token for event in events for token in (event.from_token, event.to_token, event.subject_token)}
    named |= {token for steps in chains.values() for step in steps for token in (step.token, step.other)}
    others = sorted(named - {"", *(key.token for key in journey.keys)})
    rows = store.query(load_sql(PACKAGE, "keys_of.sql"), {"tokens": others}).rows if others else []
    return Explanation(
        chains=chains,
        places=places_of(store, hung),
        events=events,
        keys=[*journey.keys, *(SealedKey(*row) for row in rows)],
        left_out=max(0, len(hung) - MOST_KEYS),
    )
