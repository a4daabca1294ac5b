"""Alerts: conditions, what starts and clears, the log, and delivery to Alertmanager or a webhook.

The core makes one `Loop` over a store handle and calls its `step(now)` every few seconds.
"""

from slo.alerts.conditions import ConditionSettings
from slo.alerts.delivery import AlertmanagerDelivery, DeliveryError, WebhookDelivery
from slo.alerts.loop import Loop, LoopSettings
from slo.alerts.model import Alert, Notice
from slo.alerts.states import Timing

__all__ = [
    "Alert",
    "AlertmanagerDelivery",
    "ConditionSettings",
    "DeliveryError",
    "Loop",
    "LoopSettings",
    "Notice",
    "Timing",
    "WebhookDelivery",
]
