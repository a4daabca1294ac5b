"""The workflow packs that come with Caretrail: YAML files people copy and change.

Called by the front door to find a pack by its name. In a checkout they are the folder `workflows`; an
installed package carries them beside `slo`.
"""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).parents[1] / "packs"
_CHECKOUT = Path(__file__).parents[2] / "workflows"
RUNBOOKS = "runbooks"
"""The folder beside workflows in which their runbooks are."""


def shipped() -> dict[str, Path]:
    """Path of every shipped pack by its name, which is the file's without `.yaml`."""
    return {path.stem: path for path in sorted(_folder().glob("*.yaml"))}


def runbooks() -> Path:
    """The folder of their runbooks, NAME.md each."""
    return _folder() / RUNBOOKS


def _folder() -> Path:
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
