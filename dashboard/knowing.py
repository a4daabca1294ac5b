"""What the page of workflows asks for. Called by `dashboard.places`; raises StoreError only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dashboard.pages.workflows import DAYS, Known
from dashboard.source import Source
from slo.workflows.load import WorkflowError, define_text
from slo.workflows.words import in_words


def key(query: Mapping[str, str]) -> tuple[str, ...]:
    """What makes two addresses the same question."""
    return ("workflows", query.get("workflow", ""), query.get("deviations", ""))


def ask(source: Source, query: Mapping[str, str], now: datetime) -> Known:
    """The chosen workflow, or the first; with its deviations when the address asks for them."""
    active = [one for one in source.definitions() if one.active]
    titles = {one.name: _title(one.yaml, one.name) for one in active}
    names = sorted(titles.items(), key=lambda one: one[1])
    chosen = query.get("workflow", "") if query.get("workflow", "") in titles else next(iter(dict(names)), "")
    versions = source.workbench.versions(chosen) if chosen else []
    found = source.workbench.conform(chosen, now, DAYS) if versions and query.get("deviations") else None
    return Known(names, chosen, versions, _words(versions[0].yaml) if versions else (), found)


def _title(yaml: str, name: str) -> str:
    try:
        return define_text(yaml, name).workflow.title
    except WorkflowError:
        return name


def _words(yaml: str) -> list[str]:
    try:
        return in_words(define_text(yaml, "workflow").workflow)
    except WorkflowError as error:
        return ["This text is not valid any more:", *error.problems]
