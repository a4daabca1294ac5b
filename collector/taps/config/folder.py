"""A folder interface: files as they appear.

It must never open the folder.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from collector.taps.config.base import AnyKind


class FolderInterface(AnyKind):
    """A folder in which X12 files appear: 837, 999, 277CA, 835."""

    system: ClassVar[str] = "x12"
    kind: Literal["folder"]
    path: str = Field(min_length=1, description="The folder; it may appear later.")
    pattern: str = Field(default="*", min_length=1, description="Which files, as a shell pattern.")
    poll_seconds: float = Field(default=1.0, gt=0, description="How often the folder is looked at.")
    settle_seconds: float = Field(
        default=1.0, ge=0, description="A file is complete when its size has not changed for this long."
    )
    max_file_bytes: int = Field(
        default=256 << 20, ge=1024, description="Larger files are reported and not read."
    )
