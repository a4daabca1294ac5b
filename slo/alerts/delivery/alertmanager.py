"""Alertmanager, API v2: it groups, silences, routes and takes out duplicates, also those of several
evaluators.

Firing alerts are told again regularly, each with an end a few minutes ahead: when Caretrail dies its alerts
end by themselves and the missing heartbeat tells why.
https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from slo.alerts.delivery.http import post_json, require_http
from slo.alerts.model import Notice

#: As Prometheus does, several re-sends long, so that one that fails does not resolve the alert.
FIRES_FOR = timedelta(minutes=5)


class AlertmanagerDelivery:
    """Delivers to the Alertmanager at `url`; `site` becomes a label so that one Alertmanager may serve
    several.
    """

    def __init__(self, url: str, site: str = "") -> None:
        self._url = f"{require_http(url).rstrip('/')}/api/v2/alerts"
        self._site = site

    def deliver(self, notices: Sequence[Notice], now: datetime) -> None:
        """Tell every notice in one request. Raises DeliveryError."""
        if notices:
            post_json(self._url, [self._body(notice, now) for notice in notices])

    def _body(self, notice: Notice, now: datetime) -> dict[str, Any]:
        alert = notice.alert
        labels = {
            "alertname": alert.name,
            "severity": alert.severity,
            "source": "caretrail",
            **dict(alert.labels),
        }
        if self._site:
            labels["site"] = self._site
        body: dict[str, Any] = {
            "labels": labels,
            "annotations": {
                "summary": alert.summary,
                "affected": str(alert.affected),
                **dict(alert.notes),
            },
            "startsAt": _rfc3339(notice.starts),
            "endsAt": _rfc3339(notice.ends or now + FIRES_FOR),
        }
        if alert.link:
            body["generatorURL"] = alert.link
        return body


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
