"""Which tap watches which kind of interface.

Called by `run`. A new kind is added here and to `Interface` in `collector.taps.config.load`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from collector.taps import database, folder, proxy
from collector.taps.config import (
    AnyInterface,
    DatabaseInterface,
    FolderInterface,
    HttpInterface,
    MllpInterface,
)
from collector.taps.tap import Ground, Tap

_KINDS: dict[type, Callable[[Any, Ground], Tap]] = {
    MllpInterface: proxy.mllp,
    HttpInterface: proxy.http,
    FolderInterface: folder.mount,
    DatabaseInterface: database.mount,
}


def mount(interface: AnyInterface, ground: Ground) -> Tap:
    """The tap of `interface`, not started."""
    return _KINDS[type(interface)](interface, ground)
