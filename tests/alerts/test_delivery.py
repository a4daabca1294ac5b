from datetime import UTC, datetime, timedelta

import pytest

from slo.alerts import Alert, AlertmanagerDelivery, DeliveryError, Notice, WebhookDelivery
from tests.alerts.conftest import Alertmanager, Receiver

MINUTE = timedelta(minutes=1)
OVERDUE = Alert(
    "StepOverdue",
    "page",
    (("step", "ERP posted"), ("workflow", "discharge-to-cash")),
    "discharge-to-cash: 12 encounters overdue at ERP posted",
    12,
    "http://127.0.0.1:8050/exceptions?workflow=discharge-to-cash",
)
BEAT = Alert("Heartbeat", "none", (), "alive")


def test_alertmanager_hears_a_start_and_a_clear_once_each(
    alertmanager: Alertmanager, receiver: Receiver
) -> None:
    now = datetime.now(UTC)
    delivery = AlertmanagerDelivery(alertmanager.url, site="NSH")
    started = now - 10 * MINUTE
    delivery.deliver([Notice("started", OVERDUE, started)], now)
    more = Alert(OVERDUE.name, OVERDUE.severity, OVERDUE.labels, "14 overdue", 14, OVERDUE.link)
    delivery.deliver([Notice("firing", more, started)], now + MINUTE)
    (held,) = alertmanager.alerts()
    assert held["labels"] == {
        "alertname": "StepOverdue",
        "severity": "page",
        "source": "caretrail",
        "site": "NSH",
        "step": "ERP posted",
        "workflow": "discharge-to-cash",
    }
    assert held["annotations"] == {"summary": "14 overdue", "affected": "14"}
    assert held["generatorURL"] == OVERDUE.link
    receiver.wait_for(1)
    delivery.deliver([Notice("cleared", more, started, now)], now)
    bodies = receiver.wait_for(2)
    assert [body["status"] for body in bodies] == ["firing", "resolved"]
    assert alertmanager.alerts() == []


def test_alertmanager_ends_an_alert_nobody_tells_again(alertmanager: Alertmanager) -> None:
    long_ago = datetime.now(UTC) - 6 * MINUTE
    AlertmanagerDelivery(alertmanager.url).deliver([Notice("started", OVERDUE, long_ago)], long_ago)
    assert alertmanager.alerts() == []


def test_a_receiver_that_refuses_or_is_away_is_an_error_without_secrets(receiver: Receiver) -> None:
    now = datetime.now(UTC)
    receiver.status = 503
    address = receiver.url.replace("http://", "http://user:secret@")
    with pytest.raises(DeliveryError, match="answered 503"):
        WebhookDelivery(receiver.url).deliver([Notice("started", OVERDUE, now)], now)
    with pytest.raises(DeliveryError) as raised:
        AlertmanagerDelivery(address.replace("/hook", ":1")).deliver([Notice("started", OVERDUE, now)], now)
    assert "secret" not in str(raised.value)


def test_a_webhook_hears_starts_and_clears_only(receiver: Receiver) -> None:
    now = datetime.now(UTC)
    delivery = WebhookDelivery(receiver.url, site="NSH")
    delivery.deliver(
        [
            Notice("started", OVERDUE, now),
            Notice("firing", OVERDUE, now),
            Notice("started", BEAT, now),
            Notice("cleared", OVERDUE, now, now + MINUTE),
        ],
        now,
    )
    (body,) = receiver.bodies
    assert [(alert["event"], alert["name"]) for alert in body["alerts"]] == [
        ("started", "StepOverdue"),
        ("cleared", "StepOverdue"),
    ]
    assert body["alerts"][0]["affected"] == 12
    assert body["alerts"][1]["ends"] == (now + MINUTE).isoformat()


def test_the_heartbeat_goes_to_its_own_watcher_every_time(receiver: Receiver) -> None:
    now = datetime.now(UTC)
    delivery = WebhookDelivery("http://127.0.0.1:9/unused", heartbeat_url=receiver.url)
    delivery.deliver([Notice("started", BEAT, now)], now)
    delivery.deliver([Notice("firing", BEAT, now)], now)
    assert [alert["name"] for body in receiver.bodies for alert in body["alerts"]] == ["Heartbeat"] * 2


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://host/", "alertmanager:9093", "http://"])
def test_only_web_addresses_are_taken(address: str) -> None:
    with pytest.raises(ValueError, match="needs an address such as"):
        AlertmanagerDelivery(address)
