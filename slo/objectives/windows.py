"""Reads the burn-rate windows from their data file; sites may bring their own.

Called once when the core starts. The numbers are data on purpose: they are a site's policy, not code.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from slo.objectives.durations import Duration
from slo.objectives.model import BurnWindow
from tracing import documents


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Window(_Part):
    severity: Literal["page", "ticket"]
    factor: float = Field(gt=0)
    long: Duration
    short: Duration
    minimum_events: int = Field(ge=1)

    @model_validator(mode="after")
    def _short_is_shorter(self) -> _Window:
        if self.short >= self.long:
            raise ValueError("short must be shorter than long")
        return self


class _Metadata(_Part):
    name: str


class _Spec(_Part):
    windows: Annotated[tuple[_Window, ...], Field(min_length=1)]


class _File(_Part):
    apiVersion: Literal["caretrail/v1"]
    kind: Literal["BurnRates"]
    metadata: _Metadata
    spec: _Spec


def load_windows(path: Path | None = None) -> tuple[BurnWindow, ...]:
    """The windows of `path`, or the shipped ones. Raises `tracing.documents.DocumentError`."""
    if path is not None:
        found = documents.read_file(path)
    else:
        text = (files("slo.objectives") / "data" / "burn-rates.yaml").read_text(encoding="utf-8")
        found = documents.read(text, "burn-rates.yaml")
    if len(found) != 1:
        raise documents.DocumentError([f"{path}:1: must hold one document of burn rates"])
    return tuple(
        BurnWindow(window.severity, window.factor, window.long, window.short, window.minimum_events)
        for window in documents.check(_File, found[0]).spec.windows
    )
