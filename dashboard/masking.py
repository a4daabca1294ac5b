"""Keys as they may be shown: their kind, the field they are read from, and the last three characters.

Called by `dashboard.places`. A key is opened only to be masked, and never leaves this module whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from dashboard import wording
from dashboard.pages.identity import MaskedKey
from dashboard.source import Named
from tracing.keys import Sealer, SealError


def masked(
    named: Mapping[str, Named], sealer: Sealer | None, fields: Mapping[str, str]
) -> dict[str, MaskedKey]:
    """Keys by token. fields: by kind, the HL7 field it is read from."""
    return {
        token: MaskedKey(
            key.kind, key.authority, _mask(key, sealer), fields.get(key.kind, ""), key.certainty, key.basis
        )
        for token, key in named.items()
    }


def _mask(key: Named, sealer: Sealer | None) -> str:
    if sealer is None or not key.sealed:
        return wording.shortened(key.token)
    try:
        return wording.masked(sealer.open(key.sealed).value)
    except SealError:
        return wording.masked(None)
