from datetime import UTC, datetime, timedelta

import pytest

from slo.calendars.maintenance import Maintenance, covering

NOW = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_window_covers_its_scope_from_start_until_end() -> None:
    upgrade = Maintenance("erp upgrade", NOW, NOW + HOUR, interfaces=frozenset({"erp-journals"}))
    assert upgrade.covers(NOW, interface="erp-journals")
    assert not upgrade.covers(NOW + HOUR, interface="erp-journals")
    assert not upgrade.covers(NOW, interface="ehr-adt")
    assert not upgrade.covers(NOW, workflow="discharge-to-cash")


def test_a_window_without_scope_covers_everything() -> None:
    outage = Maintenance("power", NOW, NOW + HOUR)
    assert covering([outage], NOW, workflow="discharge-to-cash") is outage
    assert covering([outage], NOW - HOUR, workflow="discharge-to-cash") is None


def test_a_window_must_make_sense() -> None:
    with pytest.raises(ValueError, match="end after it starts"):
        Maintenance("backwards", NOW, NOW)
    with pytest.raises(ValueError, match="time zone"):
        Maintenance("naive", datetime(2026, 3, 3), NOW)
