"""What the reconciliation page and its CSV ask for, from the address they were asked with.

Called by `dashboard.places`. A wish that makes no sense becomes words on the page, never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dashboard.pages.reconciliation import LIMIT, Known, asked
from dashboard.source import Named, Source

Asked = tuple[Known, dict[str, Named]]


def key(query: Mapping[str, str]) -> tuple[str, ...]:
    """What makes two addresses the same question."""
    return ("reconciliation", *(query.get(name, "") for name in ("workflow", "days", "by")))


def ask(source: Source, query: Mapping[str, str], now: datetime) -> Asked:
    """The reports, and the keys they name; raises StoreError."""
    workflows = source.workbench.reconcilable()
    chosen, days, by = asked(query, workflows)
    if chosen is None:
        return Known(workflows, None, ()), {}
    try:
        reports = source.workbench.reconcile(chosen.name, now, days, by, None, LIMIT)
    except (LookupError, ValueError) as error:
        return Known(workflows, chosen, (), str(error).partition("\n")[0]), {}
    tokens = {token for report in reports for one in report.differences for token in (one.journey, one.item)}
    tokens |= {name for report in reports for group in report.groups for name in group.keys}
    return Known(workflows, chosen, reports), source.named(sorted(tokens - {""}))
