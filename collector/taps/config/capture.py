"""Whether message bodies are kept, sealed, and how much of each. Used by every kind that captures."""

from __future__ import annotations

from pydantic import Field

from collector.taps.config.base import Model


class Capture(Model):
    """Keeps message bodies, sealed with the site key. Absent: nothing is kept."""

    max_bytes: int = Field(
        default=16 << 10, ge=1, le=1 << 20, description="Of each body, the first so many bytes are kept."
    )
    messages: bool = Field(default=True, description="Keep what was sent.")
    answers: bool = Field(default=True, description="Keep what was answered.")
