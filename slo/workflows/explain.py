"""Why each message belongs to a journey: the links from what it hangs on to the root, and what was said.

Called by the REST API for `caretrail journey explain`. It reads tokens and sealed values and never opens one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from slo.workflows.messages import places_of
from slo.workflows.rows import Journey
from tracing.identity import read
from tracing.identity.model import Place
from tracing.identity.read import IdentityEvent, Step
from tracing.store import Store

MOST_KEYS: Final = 100


@dataclass(frozen=True, slots=True)
class Explanation:
    """chains: by the token a message hangs on, the steps to the journey's root (none: it is the root itself).

    places: of these tokens, with the eras of those that served several journeys. events: what was said of any
    key of the journey, oldest first, decisions of persons included. left_out: tokens beyond `MOST_KEYS`.
    """

    chains: dict[str, list[Step]]
    places: dict[str, Place]
    events: list[IdentityEvent]
    left_out: int = 0


def explain(store: Store, journey: Journey) -> Explanation:
    """The reasons for every message of a journey, as it is now."""
    hung = list(dict.fromkeys(hop.token for hop in journey.hops))
    known = sorted({*hung, *(key.token for key in journey.keys)})
    return Explanation(
        chains={token: read.chain(store, token) for token in hung[:MOST_KEYS]},
        places=places_of(store, hung),
        events=read.history(store, known),
        left_out=max(0, len(hung) - MOST_KEYS),
    )
