"""A plain webhook for sites without Alertmanager: one POST when alerts start or clear, none in between.

The body is `{"site", "alerts": [{"event", "id", "name", "severity", "labels", "summary", "affected", "link",
"starts", "ends"}]}`. The heartbeat goes to an address of its own, each time it is told, for an outside
watcher.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from slo.alerts.delivery.http import post_json, require_http
from slo.alerts.model import Notice


class WebhookDelivery:
    """Delivers to `url`; the heartbeat goes to `heartbeat_url`, or nowhere without one."""

    def __init__(self, url: str, site: str = "", heartbeat_url: str | None = None) -> None:
        self._url = require_http(url)
        self._heartbeat_url = require_http(heartbeat_url) if heartbeat_url else None
        self._site = site

    def deliver(self, notices: Sequence[Notice], now: datetime) -> None:
        """Tell what started and cleared. Raises DeliveryError."""
        beats = [notice for notice in notices if notice.alert.severity == "none"]
        told = [notice for notice in notices if notice.event != "firing" and notice not in beats]
        if told:
            post_json(self._url, {"site": self._site, "alerts": [_body(notice) for notice in told]})
        if beats and self._heartbeat_url:
            post_json(
                self._heartbeat_url, {"site": self._site, "alerts": [_body(notice) for notice in beats]}
            )


def _body(notice: Notice) -> dict[str, Any]:
    return {
        "event": notice.event,
        "id": notice.alert.id,
        "name": notice.alert.name,
        "severity": notice.alert.severity,
        "labels": dict(notice.alert.labels),
        "summary": notice.alert.summary,
        "affected": notice.alert.affected,
        "link": notice.alert.link,
        **dict(notice.alert.notes),
        "starts": notice.starts.isoformat(),
        "ends": notice.ends.isoformat() if notice.ends else None,
    }
