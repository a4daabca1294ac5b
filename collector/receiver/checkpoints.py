"""Checkpoints that are posted: plain JSON, turned into spans with tokens before it is written anywhere.

Called by the HTTP shells for `POST /api/v1/checkpoints` (and `/v1/checkpoints`). What a checkpoint is,
`collector.checkpoint` says. It must never keep, log or answer with a value of the document.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from collector.checkpoint import CheckpointError, encode
from collector.receiver.refusal import bad
from collector.receiver.validate import Checked
from tracing.keys import Sealer


@dataclass(frozen=True, slots=True)
class Taken:
    """`checked`: the spans as an OTLP body. `answer`: the JSON for the client."""

    checked: Checked
    answer: bytes


class Checkpoints:
    """Turns documents into spans with the keys of one site."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def read(self, body: bytes) -> Taken:
        """One checkpoint or an array of up to 1,000, all or none. Raises Refusal (400)."""
        try:
            encoded = encode(body, self._sealer, "caretrail-collector")
        except CheckpointError as error:
            raise bad(str(error), *error.violations) from None
        answer = json.dumps(encoded.answer).encode()
        return Taken(Checked(encoded.body, len(encoded.identities)), answer)
