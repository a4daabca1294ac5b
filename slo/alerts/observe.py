"""Reads from the store what the conditions look at. Called by the alert loop; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from slo.alerts.observations import Doubt, EngineTrouble, InterfaceActivity, StepTrouble
from slo.calendars.maintenance import Maintenance, covering
from slo.workflows.facts import NEVER
from slo.workflows.judgement import Judge
from slo.workflows.model import CRITICALITIES, Workflow
from tracing.engines import ChannelRow, engines
from tracing.store import Store, load_sql

STANDS_STILL = timedelta(minutes=2)


def observe_interfaces(store: Store, now: datetime, silent_after: timedelta) -> tuple[InterfaceActivity, ...]:
    """Every interface of the last five weeks with its last message and what to expect. Raises StoreError."""
    result = store.query(
        load_sql("slo.alerts", "sql/interfaces.sql"),
        {"now": now, "silent_s": int(silent_after.total_seconds())},
    )
    return tuple(
        InterfaceActivity(interface, last_seen, float(expected), int(weeks), tuple(taps))
        for interface, last_seen, taps, weeks, expected in result.rows
    )


def observe_steps(store: Store, now: datetime, look_back: timedelta) -> tuple[StepTrouble, ...]:
    """Encounters in trouble that began less than `look_back` ago, by workflow and step. Raises StoreError."""
    result = store.query(
        load_sql("slo.alerts", "sql/step_trouble.sql"), {"now": now, "since": now - look_back}
    )
    if not result.rows:
        return ()
    versions = Judge.of(store).versions
    found: dict[tuple[str, str, str], StepTrouble] = {}
    for name, version, facility, step, kind, affected, oldest in result.rows:
        trouble = _told(versions.get((name, version)), name, step, kind, facility)
        trouble = replace(trouble, affected=int(affected), oldest=oldest)
        key = name, step, kind
        found[key] = _together(found[key], trouble) if key in found else trouble
    return tuple(found[key] for key in sorted(found))


def _told(workflow: Workflow | None, name: str, step: str, kind: str, facility: str) -> StepTrouble:
    """What the definition says of a step at a facility; nothing is affected yet."""
    trouble = StepTrouble(name, step, "failed" if kind == "failed" else "overdue", 0, NEVER)
    known = {one.name: one for one in workflow.spec.steps} if workflow else {}
    if workflow is None or step not in known:
        return trouble
    return replace(
        trouble,
        severity=workflow.severity(known[step], facility),
        owner=workflow.owner(known[step], facility),
        runbook=workflow.runbook(known[step], facility),
    )


def _together(one: StepTrouble, other: StepTrouble) -> StepTrouble:
    worst = min(one, other, key=lambda trouble: CRITICALITIES.index(trouble.severity))
    return replace(worst, affected=one.affected + other.affected, oldest=min(one.oldest, other.oldest))


def observe_engines(
    store: Store, now: datetime, maintenance: Sequence[Maintenance] = ()
) -> tuple[EngineTrouble, ...]:
    """Engines that give no answer, and channels that stand still though messages came. Raises StoreError.

    A restart of a channel is none: it has to stand still for two minutes.
    """
    found: list[EngineTrouble] = []
    for engine in engines(store, now):
        if not engine.fresh or (engine.since and now - engine.since < STANDS_STILL):
            continue
        if engine.state != "up":
            kind: Literal["away", "refused"] = "away" if engine.state == "away" else "refused"
            found.append(EngineTrouble(engine.name, kind, since=engine.since))
            continue
        watched = [
            channel
            for channel in engine.channels
            if channel.fresh
            and not covering(maintenance, now, interface=channel.interface)
            and not (channel.since and now - channel.since < STANDS_STILL)
        ]
        stopped = [one for one in watched if one.state not in ("started", "") and one.received_24h]
        waiting = [one for one in watched if one.connection in ("disconnected", "failure") and one.queued]
        if stopped:
            found.append(_still(engine.name, "stopped", stopped))
        if waiting:
            found.append(_still(engine.name, "disconnected", waiting))
    return tuple(found)


def _still(
    engine: str, kind: Literal["stopped", "disconnected"], channels: Sequence[ChannelRow]
) -> EngineTrouble:
    moments = [one.since for one in channels if one.since]
    return EngineTrouble(
        engine,
        kind,
        tuple(one.name for one in channels),
        min(moments) if len(moments) == len(channels) else None,
        sum(one.queued for one in channels),
    )


def observe_doubts(store: Store, now: datetime) -> tuple[Doubt, ...]:
    """Open key collisions, counted by reason and kind of key. Raises StoreError."""
    result = store.query(load_sql("slo.alerts", "sql/doubts.sql"), {"now": now})
    return tuple(Doubt(why, kind, int(keys), oldest) for why, kind, keys, oldest in result.rows)
