"""The workflow packs that come with Caretrail: YAML files people copy and change.

Called by the front door to find a pack by its name. In a checkout they are the folder `workflows`; an
installed package carries them beside `slo`.
"""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).parents[1] / "packs"
_CHECKOUT = Path(__file__).parents[2] / "workflows"


def shipped() -> dict[str, Path]:
    """Path of every shipped pack by its name, which is the file's without `.yaml`."""
    folder = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}
