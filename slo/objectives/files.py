"""Reads OpenSLO v1 documents whose metric source is a workflow's checkpoints.

Called on activation and by `caretrail config check`. Accepts what OpenSLO v1 says and Caretrail can compute;
the rest of the standard (references, time slices, calendar windows) is refused with its place, never ignored.
OpenSLO v1: https://github.com/OpenSLO/OpenSLO, sections SLO and SLI.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from slo.objectives.durations import Duration
from slo.objectives.model import Objective
from tracing import documents


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Metadata(_Part):
    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    displayName: str = ""
    labels: dict[str, Any] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class _Checkpoint(_Part):
    workflow: str = Field(min_length=1)
    step: str = ""


class _MetricSource(_Part):
    type: Literal["checkpoint"]
    spec: _Checkpoint


class _Metric(_Part):
    metricSource: _MetricSource


class _RatioMetric(_Part):
    counter: bool = True
    good: _Metric
    total: _Metric

    @model_validator(mode="after")
    def _same_source(self) -> _RatioMetric:
        if self.good != self.total:
            raise ValueError("good and total must name the same workflow and step")
        return self


class _IndicatorSpec(_Part):
    description: str = ""
    ratioMetric: _RatioMetric


class _Indicator(_Part):
    metadata: _Metadata | None = None
    spec: _IndicatorSpec


class _TimeWindow(_Part):
    duration: Duration
    isRolling: bool

    @field_validator("isRolling")
    @classmethod
    def _rolling(cls, value: bool) -> bool:
        if not value:
            raise ValueError("must be true: budgets are computed over rolling windows")
        return value


class _Target(_Part):
    displayName: str = ""
    target: float | None = Field(None, gt=0, lt=1)
    targetPercent: float | None = Field(None, gt=0, lt=100)

    @model_validator(mode="after")
    def _one(self) -> _Target:
        if (self.target is None) == (self.targetPercent is None):
            raise ValueError("needs either target (0.95) or targetPercent (95)")
        return self

    @property
    def share(self) -> float:
        return self.target if self.target is not None else (self.targetPercent or 0) / 100


class _Spec(_Part):
    description: str = Field("", max_length=1050)
    service: str
    indicator: _Indicator
    timeWindow: Annotated[tuple[_TimeWindow, ...], Field(min_length=1, max_length=1)]
    budgetingMethod: Literal["Occurrences"]
    objectives: Annotated[tuple[_Target, ...], Field(min_length=1, max_length=1)]


class _Slo(_Part):
    apiVersion: Literal["openslo/v1"]
    kind: Literal["SLO"]
    metadata: _Metadata
    spec: _Spec


def shipped() -> tuple[str, ...]:
    """The names of the objectives that ship with Caretrail."""
    folder = files("slo.objectives") / "shipped"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir()))


def text_of(name_or_path: str | Path) -> tuple[str, str]:
    """The YAML text and display name of a shipped objective, or of a file.

    Raises `tracing.documents.DocumentError` when there is neither.
    """
    if str(name_or_path) in shipped():
        source = f"{name_or_path}.yaml"
        return (files("slo.objectives") / "shipped" / source).read_text(encoding="utf-8"), source
    path = Path(name_or_path)
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        names = ", ".join(shipped())
        raise documents.DocumentError(
            [f"{path}: cannot be read: {why}; shipped objectives are {names}"]
        ) from None


def load(name_or_path: str | Path) -> list[Objective]:
    """Every objective of a file or shipped name. Raises `tracing.documents.DocumentError`."""
    return read(*text_of(name_or_path))


def read(text: str, source: str) -> list[Objective]:
    """Every objective in a YAML stream; `source` names it in messages. Raises
    `tracing.documents.DocumentError`.
    """
    found = documents.read(text, source)
    if not found:
        raise documents.DocumentError([f"{source}:1: holds no objective"])
    objectives = [_objective(documents.check(_Slo, document)) for document in found]
    names = [objective.name for objective in objectives]
    for document, name in zip(found, names, strict=True):
        if names.count(name) > 1:
            place = document.place(("metadata", "name"))
            raise documents.DocumentError([f"{place}: another objective of this file has the same name"])
    return objectives


def _objective(slo: _Slo) -> Objective:
    source = slo.spec.indicator.spec.ratioMetric.total.metricSource.spec
    return Objective(
        name=slo.metadata.name,
        title=slo.metadata.displayName or slo.metadata.name,
        service=slo.spec.service,
        description=slo.spec.description,
        workflow=source.workflow,
        step=source.step,
        target=slo.spec.objectives[0].share,
        window=slo.spec.timeWindow[0].duration,
    )
