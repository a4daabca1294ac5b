"""Which tap watches which kind of interface.

Called by `run`. A new kind is added here and to `Interface` in `collector.taps.config.load`. A kind is
imported when there is an interface of it: one that is not used weighs nothing.
"""

from __future__ import annotations

import importlib

from collector.taps.config import AnyInterface
from collector.taps.tap import Ground, Tap

# Each module has mount(interface, ground).
_MODULES = {
    "mllp": "collector.taps.mllp_proxy",
    "http": "collector.taps.http_proxy",
    "folder": "collector.taps.folder",
    "database": "collector.taps.database",
}


def mount(interface: AnyInterface, ground: Ground) -> Tap:
    """The tap of `interface`, not started."""
    tap: Tap = importlib.import_module(_MODULES[interface.kind]).mount(interface, ground)
    return tap
