"""JSON Pointer (RFC 6901).

Called by the HTTP tap to take keys, measures and coded reasons out of JSON bodies. A pointer comes
from configuration and is checked once; a document comes from outside and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

_STRAY_TILDE: Final = re.compile(r"~(?![01])")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)


class PointerError(ValueError):
    """Text that is not a JSON pointer."""


@lru_cache(maxsize=1024)
def compile_pointer(pointer: str) -> tuple[str, ...]:
    """The reference tokens of `pointer`, unescaped (section 4). Raises PointerError."""
    if pointer == "":
        return ()
    if not pointer.startswith("/"):
        raise PointerError(f"{pointer!r} is not a JSON pointer: it must begin with '/', as in '/reference'")
    if _STRAY_TILDE.search(pointer):
        raise PointerError(f"{pointer!r} is not a JSON pointer: write '~' as '~0' and '/' as '~1'")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def resolve(document: object, pointer: str, default: object = None) -> object:
    """The value at `pointer` in a decoded JSON document, `default` when there is none.

    Raises PointerError for a malformed pointer, nothing for any document. `-` (the element after the
    last) names nothing that exists and gives `default`.
    """
    value = document
    for token in compile_pointer(pointer):
        if isinstance(value, Mapping):
            if token not in value:
                return default
            value = value[token]
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            if not _INDEX.fullmatch(token) or int(token) >= len(value):
                return default
            value = value[int(token)]
        else:
            return default
    return value
