"""The alert log: what started and cleared, and what still fired when the process stopped.

Called by the alert loop only. The heartbeat is not logged: it always fires.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from slo.alerts.model import Alert, Notice, Tracked, Watch
from tracing.store import Store, load_sql

_COLUMNS = (
    "id",
    "started_at",
    "event",
    "at",
    "name",
    "severity",
    "labels",
    "summary",
    "affected",
    "link",
)


def record(store: Store, notices: Sequence[Notice], now: datetime) -> None:
    """Write what started and cleared at `now`. Writing the same notice again changes nothing."""
    rows = [
        (
            notice.alert.id,
            notice.starts,
            notice.event,
            notice.ends or notice.starts,
            notice.alert.name,
            notice.alert.severity,
            dict(notice.alert.labels),
            notice.alert.summary,
            notice.alert.affected,
            notice.alert.link,
        )
        for notice in notices
        if notice.event != "firing" and notice.alert.severity != "none"
    ]
    store.insert("alerts_log", _COLUMNS, rows)


def restore(store: Store, now: datetime) -> Watch:
    """The alerts that still fired according to the log, to be followed on without starting again."""
    result = store.query(load_sql("slo.alerts", "sql/open_alerts.sql"), {"now": now})
    tracked = {}
    for row in result.rows:
        _, started, name, severity, labels, summary, affected, link = row
        pairs = tuple(sorted(labels.items()))
        alert = Alert(name, severity, pairs, summary, affected, link)
        tracked[alert.id] = Tracked(alert, since=started, held_at=now, started=started)
    return Watch(tracked)
