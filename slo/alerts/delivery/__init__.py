"""Where alerts go: one file a receiver. A receiver takes notices and raises `DeliveryError` when it
could not.
"""

from slo.alerts.delivery.alertmanager import AlertmanagerDelivery
from slo.alerts.delivery.http import DeliveryError
from slo.alerts.delivery.webhook import WebhookDelivery

__all__ = ["AlertmanagerDelivery", "DeliveryError", "WebhookDelivery"]
