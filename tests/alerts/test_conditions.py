from datetime import UTC, datetime, timedelta

import pytest

from slo.alerts.conditions import ConditionSettings, absolute, evaluate, labels, page
from slo.alerts.model import Alert
from slo.alerts.observations import Doubt, InterfaceActivity, Observations, StepTrouble
from slo.calendars import Maintenance
from slo.objectives.budget import judge
from slo.objectives.model import BurnWindow, Objective, ObjectiveStatus, Tally
from slo.workflows.model import Criticality

NOW = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SETTINGS = ConditionSettings(link="http://127.0.0.1:8050/")


def told(observations: Observations, settings: ConditionSettings = SETTINGS) -> list[Alert]:
    return [alert for alert in evaluate(observations, settings, NOW) if alert.name != "Heartbeat"]


def activity(
    name: str, quiet: timedelta, expected: float = 50, weeks: int = 4, taps: tuple[str, ...] = ("tap-1",)
) -> InterfaceActivity:
    return InterfaceActivity(name, NOW - quiet, expected, weeks, taps)


def test_the_heartbeat_always_fires() -> None:
    assert [alert.name for alert in evaluate(Observations(), SETTINGS, NOW)] == ["Heartbeat"]


def test_overdue_and_failed_are_grouped_by_workflow_and_step() -> None:
    oldest = NOW - 2 * HOUR - 14 * MINUTE
    alerts = told(
        Observations(
            steps=(
                StepTrouble("discharge-to-cash", "ERP posted", "overdue", 12, oldest),
                StepTrouble("discharge-to-cash", "ERP posted", "failed", 1, NOW - 38 * MINUTE),
                StepTrouble("discharge-to-cash", "claim submitted", "overdue", 0, NOW),
            )
        )
    )
    assert [(alert.name, alert.affected) for alert in alerts] == [("StepOverdue", 12), ("StepFailed", 1)]
    assert alerts[0].summary == (
        "discharge-to-cash: 12 encounters overdue at ERP posted, the oldest by 2 h 14 min"
    )
    assert alerts[1].summary.startswith("discharge-to-cash: 1 encounter refused at ERP posted")
    assert alerts[0].labels == (("step", "ERP posted"), ("workflow", "discharge-to-cash"))
    assert alerts[0].link == "http://127.0.0.1:8050/exceptions?workflow=discharge-to-cash"
    assert alerts[0].id != alerts[1].id


@pytest.mark.parametrize(
    ("criticality", "severity"),
    [("critical", "page"), ("high", "page"), ("medium", "ticket"), ("low", "ticket")],
)
def test_the_workflow_says_who_is_woken_and_what_to_do(criticality: Criticality, severity: str) -> None:
    runbook = "https://runbooks.example/erp"
    trouble = StepTrouble(
        "discharge-to-cash", "ERP posted", "overdue", 3, NOW - HOUR, criticality, "Finance", runbook
    )
    (alert,) = told(Observations(steps=(trouble,)))
    assert alert.severity == severity
    assert dict(alert.notes) == {"owner": "Finance", "runbook_url": runbook}
    plain = StepTrouble("discharge-to-cash", "ERP posted", "overdue", 1, NOW - HOUR)
    assert told(Observations(steps=(plain,)))[0].id == alert.id


@pytest.mark.parametrize(
    ("quiet", "expected", "weeks", "alerts"),
    [
        (20 * MINUTE, 50.0, 4, ["InterfaceSilent"]),
        (14 * MINUTE, 50.0, 4, []),  # too short to bother anyone
        (3 * HOUR, 6.5, 4, []),  # a quiet hour of a quiet interface
        (3 * HOUR, 50.0, 0, []),  # known for less than a week: nothing to compare with
    ],
)
def test_silence_is_against_the_same_stretch_of_earlier_weeks(
    quiet: timedelta, expected: float, weeks: int, alerts: list[str]
) -> None:
    busy = activity("billing-adt", MINUTE, 0)
    found = told(Observations(interfaces=(activity("ehr-adt", quiet, expected, weeks), busy)))
    assert [alert.name for alert in found] == alerts


def test_a_silent_tap_is_told_once_and_not_for_each_interface() -> None:
    found = told(
        Observations(
            interfaces=(
                activity("ehr-adt", 20 * MINUTE),
                activity("erp-journals", 25 * MINUTE),
                activity("claims-out", 30 * MINUTE, taps=("tap-2",)),
                activity("claims-in", MINUTE, taps=("tap-2",)),
            )
        )
    )
    assert [(alert.name, dict(alert.labels)) for alert in found] == [
        ("TapSilent", {"tap": "tap-1"}),
        ("InterfaceSilent", {"interface": "claims-out"}),
    ]
    assert "none of its 2 interfaces seen for 20 min" in found[0].summary


def test_everything_silent_is_the_collector() -> None:
    found = told(
        Observations(interfaces=(activity("ehr-adt", HOUR), activity("claims-out", HOUR, taps=("tap-2",))))
    )
    assert [alert.name for alert in found] == ["CollectorSilent"]


def test_maintenance_mutes_what_it_covers() -> None:
    window = Maintenance("upgrade", NOW - HOUR, NOW + HOUR, interfaces=frozenset({"ehr-adt"}))
    settings = ConditionSettings(maintenance=(window,))
    quiet = (activity("ehr-adt", HOUR), activity("claims-in", MINUTE))
    assert told(Observations(interfaces=quiet), settings) == []
    everything = Maintenance("power", NOW - HOUR, NOW + HOUR)
    trouble = StepTrouble("discharge-to-cash", "ERP posted", "overdue", 12, NOW - HOUR)
    settings = ConditionSettings(maintenance=(everything,))
    assert told(Observations(steps=(trouble,)), settings) == []


def burning(last_event: datetime | None) -> ObjectiveStatus:
    objective = Objective("d2c", "Discharge to cash", "rc", "", "discharge-to-cash", "", 0.95, 30 * DAY)
    windows = (
        BurnWindow("page", 14.4, HOUR, 5 * MINUTE, 5),
        BurnWindow("page", 6, 6 * HOUR, 30 * MINUTE, 5),
    )
    bad = {window: Tally(1, 9) for window in (HOUR, 5 * MINUTE, 6 * HOUR, 30 * MINUTE, DAY)}
    return judge(objective, windows, {**bad, 30 * DAY: Tally(990, 10)}, last_event, NOW)


def test_a_burning_budget_is_one_alert_for_each_severity() -> None:
    found = told(Observations(objectives=(burning(NOW),)))
    assert [(alert.name, alert.severity, alert.affected) for alert in found] == [("BudgetBurn", "page", 9)]
    assert found[0].summary == (
        "Discharge to cash: the error budget goes 18.0 times too fast over 1 h; 80% of it is left"
    )


def test_an_unknown_objective_does_not_burn() -> None:
    assert told(Observations(objectives=(burning(None),))) == []


def test_keys_in_doubt_are_one_alert_for_each_reason() -> None:
    doubts = (
        Doubt("too_many", "account", 2, NOW - 3 * HOUR),
        Doubt("too_many", "purchase_order", 1, NOW - HOUR),
        Doubt("two_patients", "visit", 1, NOW - 20 * MINUTE),
        Doubt("reused", "visit", 0, NOW),
    )
    found = told(Observations(doubts=doubts))
    assert [(alert.name, alert.severity, alert.labels) for alert in found] == [
        ("KeyCollision", "ticket", (("reason", "too_many"),)),
        ("KeyCollision", "page", (("reason", "two_patients"),)),
    ]
    assert found[0].summary == (
        "3 keys (account, purchase order) connect too many others and join nothing, the oldest for 3 h"
    )
    assert found[0].link == "http://127.0.0.1:8050/collisions"


def test_placeholders_alert_only_when_there_are_many() -> None:
    some, many = (Doubt("blank", "visit", number, NOW - HOUR) for number in (19, 20))
    assert told(Observations(doubts=(some,))) == []
    assert [dict(alert.labels) for alert in told(Observations(doubts=(many,)))] == [{"reason": "blank"}]


def test_labels_and_links_carry_nothing_odd() -> None:
    assert labels(interface="ehr\n\x00adt" + "x" * 200) == (("interface", ("ehradt" + "x" * 200)[:128]),)
    assert page("", "exceptions", workflow="a") == ""
    assert page("http://h/", "exceptions", workflow="a b") == "http://h/exceptions?workflow=a+b"


def test_a_runbook_of_the_dashboard_gets_its_address() -> None:
    assert absolute("https://caretrail.example/", "/runbook/a#b") == "https://caretrail.example/runbook/a#b"
    assert absolute("https://caretrail.example", "https://wiki.example/a") == "https://wiki.example/a"
    assert absolute("", "/runbook/a") == ""
