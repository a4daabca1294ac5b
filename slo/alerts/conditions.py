"""When to alert: pure functions `(observations, settings, now) -> alerts`.

Called by the alert loop through `evaluate`. No store, no clock, no memory: what starts and what clears is
decided by `slo.alerts.states` from what these return. Must never put anything but configured names and counts
into an alert.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from slo.alerts.model import Alert
from slo.alerts.observations import InterfaceActivity, Observations
from slo.calendars.maintenance import Maintenance, covering
from slo.calendars.spoken import span

#: If silence were chance, so many messages expected and none seen would happen less than once in a thousand.
CERTAINLY_MISSED = 7.0
_LONGEST_LABEL = 128
_CHANNELS_NAMED = 3
_ENGINES = {
    "away": ("EngineAway", "gives no answer"),
    "refused": ("EngineRefuses", "does not let Caretrail in"),
    "stopped": ("ChannelStopped", "has {channels} stopped that had messages today,"),
    "disconnected": ("ChannelDisconnected", "has {channels} without a connection,"),
}
_DOUBTS = {
    "blank": "are placeholders, no numbers",
    "too_many": "connect too many others and join nothing",
    "two_patients": "used for two patients at one time",
    "reused": "given out again to another patient",
}


@dataclass(frozen=True)
class ConditionSettings:
    """What a site may tune. `silent_after` is the least silence worth an alert; `link` the dashboard's
    base URL; `many_blank` how many different placeholders ("0", "UNKNOWN") are worth one.
    """

    silent_after: timedelta = timedelta(minutes=15)
    expected_at_least: float = CERTAINLY_MISSED
    link: str = ""
    maintenance: tuple[Maintenance, ...] = ()
    many_blank: int = 20


def evaluate(observations: Observations, settings: ConditionSettings, now: datetime) -> list[Alert]:
    """Every alert that holds now, the heartbeat always among them, none twice."""
    found = [
        *step_trouble(observations, settings, now),
        *silence(observations, settings, now),
        *burning(observations, settings, now),
        *colliding(observations, settings, now),
        *engines(observations, settings, now),
        heartbeat(settings),
    ]
    return list({alert.id: alert for alert in found}.values())


def step_trouble(observations: Observations, settings: ConditionSettings, now: datetime) -> list[Alert]:
    """One alert for each workflow, step and kind of trouble, with how many encounters it concerns."""
    alerts = []
    for trouble in observations.steps:
        if not trouble.affected or covering(settings.maintenance, now, workflow=trouble.workflow):
            continue
        since = span(now - trouble.oldest)
        if trouble.kind == "overdue":
            name, what = "StepOverdue", f"overdue at {trouble.step}, the oldest by {since}"
        else:
            name, what = "StepFailed", f"refused at {trouble.step} with nothing after, the oldest {since} ago"
        alerts.append(
            Alert(
                name=name,
                # Who is woken is the workflow's to say.
                severity="page" if trouble.severity in ("high", "critical") else "ticket",
                labels=labels(workflow=trouble.workflow, step=trouble.step),
                summary=f"{trouble.workflow}: {count(trouble.affected, 'encounter')} {what}",
                affected=trouble.affected,
                link=page(settings.link, "exceptions", workflow=trouble.workflow),
                notes=notes(owner=trouble.owner, runbook_url=absolute(settings.link, trouble.runbook)),
            )
        )
    return alerts


def silence(observations: Observations, settings: ConditionSettings, now: datetime) -> list[Alert]:
    """Interfaces, taps or everything silent, told once at the widest level that explains it.

    An interface is silent when in the same stretch of earlier weeks so much came that none now is no chance.
    When all interfaces of a tap fell silent the tap is named instead, and when all taps did, the collector.
    """
    watched = [
        activity
        for activity in observations.interfaces
        if not covering(settings.maintenance, now, interface=activity.interface)
    ]
    silent = {activity.interface for activity in watched if _is_silent(activity, settings, now)}
    if len(silent) > 1 and silent == {activity.interface for activity in watched}:
        last = max(activity.last_seen for activity in watched)
        summary = f"Nothing has arrived from any of {len(watched)} interfaces for {span(now - last)}"
        return [
            Alert("CollectorSilent", "page", (), summary, link=page(settings.link, "interfaces")),
        ]
    alerts = []
    explained: set[str] = set()
    for tap in sorted({tap for activity in watched for tap in activity.taps}):
        carried = [activity for activity in watched if tap in activity.taps]
        names = {activity.interface for activity in carried}
        if len(names) > 1 and names <= silent:
            explained |= names
            last = max(activity.last_seen for activity in carried)
            summary = f"Tap {tap}: none of its {len(names)} interfaces seen for {span(now - last)}"
            link = page(settings.link, "interfaces")
            alerts.append(Alert("TapSilent", "page", labels(tap=tap), summary, link=link))
    for activity in watched:
        if activity.interface in silent - explained:
            summary = (
                f"{activity.interface} silent for {span(now - activity.last_seen)}; "
                f"usually {activity.expected:.0f} messages in this stretch"
            )
            link = page(settings.link, "interfaces", interface=activity.interface)
            alerts.append(
                Alert("InterfaceSilent", "page", labels(interface=activity.interface), summary, link=link)
            )
    return alerts


def burning(observations: Observations, settings: ConditionSettings, now: datetime) -> list[Alert]:
    """One alert for each objective and severity whose budget burns too fast; unknown never alerts as
    healthy.
    """
    alerts = []
    for status in observations.objectives:
        objective = status.objective
        if status.state == "unknown" or covering(settings.maintenance, now, workflow=objective.workflow):
            continue
        for severity in ("page", "ticket"):
            firing = [burn for burn in status.burns if burn.firing and burn.window.severity == severity]
            if not firing:
                continue
            worst = max(firing, key=lambda burn: burn.window.factor)
            left = "none" if status.budget_remaining is None else f"{max(0.0, status.budget_remaining):.0%}"
            alerts.append(
                Alert(
                    name="BudgetBurn",
                    severity="page" if severity == "page" else "ticket",
                    labels=labels(objective=objective.name, severity=severity, workflow=objective.workflow),
                    summary=(
                        f"{objective.title}: the error budget goes {worst.long_rate or 0:.1f} times too fast "
                        f"over {span(worst.window.long)}; {left} of it is left"
                    ),
                    affected=worst.bad,
                    link=page(settings.link, "objectives", objective=objective.name),
                )
            )
    return alerts


def colliding(observations: Observations, settings: ConditionSettings, now: datetime) -> list[Alert]:
    """One alert for each reason that keys do not say whose they are, with how many keys it concerns.

    Placeholders in the place of a number are everyday and alert only when there are many.
    """
    alerts = []
    for why in sorted({doubt.why for doubt in observations.doubts}):
        doubts = [doubt for doubt in observations.doubts if doubt.why == why and doubt.keys]
        number = sum(doubt.keys for doubt in doubts)
        if not number or (why == "blank" and number < settings.many_blank):
            continue
        kinds = ", ".join(sorted({doubt.kind.replace("_", " ") for doubt in doubts}))
        since = span(now - min(doubt.oldest for doubt in doubts))
        alerts.append(
            Alert(
                name="KeyCollision",
                severity="page" if why == "two_patients" else "ticket",
                labels=labels(reason=why),
                summary=f"{count(number, 'key')} ({kinds}) {_DOUBTS.get(why, why)}, the oldest for {since}",
                link=page(settings.link, "collisions"),
            )
        )
    return alerts


def engines(observations: Observations, settings: ConditionSettings, now: datetime) -> list[Alert]:
    """One alert for each engine and kind of trouble."""
    alerts = []
    for trouble in observations.engines:
        name, words = _ENGINES[trouble.kind]
        since = f"for {span(now - trouble.since)}" if trouble.since else "for more than a day"
        listed = ", ".join(_clean(channel) for channel in trouble.channels[:_CHANNELS_NAMED])
        more = (
            f" and {len(trouble.channels) - _CHANNELS_NAMED} more"
            if trouble.channels[_CHANNELS_NAMED:]
            else ""
        )
        which = f": {listed}{more}" if listed else ""
        waiting = f"; {count(trouble.queued, 'message')} wait" if trouble.queued else ""
        what = words.format(channels=count(len(trouble.channels), "channel"))
        alerts.append(
            Alert(
                name=name,
                severity="page",
                labels=labels(engine=trouble.engine),
                summary=f"{_clean(trouble.engine)} {what} {since}{which}{waiting}",
                affected=len(trouble.channels),
                link=page(settings.link, "interfaces"),
            )
        )
    return alerts


def heartbeat(settings: ConditionSettings) -> Alert:
    """Always holds, so that an outside watcher notices when alerts no longer come out."""
    return Alert("Heartbeat", "none", (), "Caretrail evaluates and delivers alerts", link=settings.link)


def store_away(settings: ConditionSettings) -> Alert:
    """Holds while the store cannot be asked: every other condition is frozen and nobody may take that
    for calm.
    """
    return Alert(
        "StoreUnavailable", "page", (), "The store does not answer; states are frozen", link=settings.link
    )


def labels(**values: str) -> tuple[tuple[str, str], ...]:
    """Label pairs sorted by name, with control characters out and a length every receiver takes."""
    return tuple(sorted((key, _clean(value)) for key, value in values.items()))


def notes(**values: str) -> tuple[tuple[str, str], ...]:
    """The pairs that say something, sorted by name."""
    return tuple(sorted((key, value) for key, value in values.items() if value))


def page(base: str, name: str, **query: str) -> str:
    """The address of a dashboard page, empty without a base."""
    if not base:
        return ""
    address = f"{base.rstrip('/')}/{quote(name)}"
    return f"{address}?{urlencode(query)}" if query else address


def absolute(base: str, address: str) -> str:
    """An address that opens from anywhere: one of the dashboard's own gets its base; empty without a base."""
    if not address.startswith("/"):
        return address
    return base.rstrip("/") + address if base else ""


def count(number: int, noun: str) -> str:
    """`1 encounter`, `2 encounters`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _is_silent(activity: InterfaceActivity, settings: ConditionSettings, now: datetime) -> bool:
    return (
        now - activity.last_seen >= settings.silent_after
        and activity.weeks > 0
        and activity.expected >= settings.expected_at_least
    )


def _clean(value: str) -> str:
    return "".join(character for character in value if character.isprintable())[:_LONGEST_LABEL]
