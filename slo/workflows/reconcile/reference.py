"""The reference: what a reconciliation means, in plain Python over the messages of some journeys.

Called by tests, which hold the SQL against it; the product reckons in SQL. It must stay obvious, and must
never share a line with the SQL side except the rules and the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from slo.workflows.reconcile.model import COUNT, DAY, FACILITY, ITEM, Reconcile
from slo.workflows.reconcile.rows import Group, group_state


@dataclass(frozen=True, slots=True)
class Sighting:
    """One sighting of a message that met a step; `identity` is its own, however often it was sent."""

    journey: str
    step: str
    identity: str
    at: datetime
    span_id: str
    item: str = ""
    facility: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepThen:
    """What the workflow knows of a step of an occurrence at the moment."""

    applicable: bool = True
    met: bool = False
    refused: bool = False
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of the workflow."""

    journey: str
    number: int
    started_at: datetime
    item: str = ""
    facility: str = ""
    cancelled: bool = False
    steps: Mapping[str, StepThen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """What the compared steps said of one occurrence in one group; values in millionths."""

    journey: str
    item: str
    number: int
    keys: tuple[str, ...]
    currency: str
    fate: str
    counts: tuple[int, ...]
    values: tuple[int, ...]
    unmeasured: tuple[int, ...]

    @property
    def apart(self) -> int:
        """How far the steps lie apart."""
        return max(abs(value - self.values[0]) for value in self.values)


def cases(
    rule: Reconcile,
    sightings: Iterable[Sighting],
    occurrences: Iterable[Occurrence],
    since: datetime,
    now: datetime,
    zone: str,
) -> list[Case]:
    """The cases that began from `since` to `now`, a row for each group they fall into."""
    first: dict[tuple[str, str, str, str], Sighting] = {}
    for one in sorted(sightings, key=lambda one: (one.at, one.span_id)):
        if one.step in rule.steps and one.at <= now:
            first.setdefault((one.journey, one.item, one.step, one.identity), one)
    known: dict[tuple[str, str], list[Occurrence]] = {}
    for occurrence in sorted(occurrences, key=lambda occurrence: occurrence.started_at):
        if occurrence.started_at <= now:
            known.setdefault((occurrence.journey, occurrence.item), []).append(occurrence)
    said: dict[tuple[str, str, int], list[Sighting]] = {}
    of: dict[tuple[str, str, int], Occurrence | None] = {}
    for one in first.values():
        mine = known.get((one.journey, one.item), [])
        begun = [occurrence for occurrence in mine if occurrence.started_at <= one.at]
        owner = begun[-1] if begun else mine[0] if mine else None
        key = (one.journey, one.item, owner.number if owner else 0)
        said.setdefault(key, []).append(one)
        of[key] = owner
    found = []
    for key, messages in said.items():
        owner = of[key]
        began = owner.started_at if owner else min(one.at for one in messages)
        if since <= began <= now:
            found += _split(rule, key, messages, owner, began, zone)
    return found


def _split(
    rule: Reconcile,
    key: tuple[str, str, int],
    messages: Sequence[Sighting],
    owner: Occurrence | None,
    began: datetime,
    zone: str,
) -> list[Case]:
    messages = sorted(messages, key=lambda one: (rule.steps.index(one.step), one.at, one.span_id))
    fate = _fate(rule, messages, owner)
    facility = owner.facility if owner else messages[0].facility

    def tag(one: Sighting, name: str) -> str:
        known = [other.tags[name] for other in messages if other.tags.get(name)]
        return one.tags.get(name) or (known[0] if known else "")

    def keys(one: Sighting) -> tuple[str, ...]:
        fixed = {DAY: str(began.astimezone(ZoneInfo(zone)).date()), FACILITY: facility, ITEM: one.item}
        return tuple(fixed[name] if name in fixed else tag(one, name) for name in rule.by)

    groups: dict[tuple[tuple[str, ...], str], list[Sighting]] = {}
    for one in messages:
        groups.setdefault((keys(one), tag(one, rule.money)), []).append(one)
    return [
        Case(
            *key,
            keys=names,
            currency=currency,
            fate=fate,
            counts=tuple(sum(one.step == step for one in mine) for step in rule.steps),
            values=_values(rule, mine),
            unmeasured=tuple(
                sum(
                    one.step == step and rule.measure != COUNT and rule.measure not in one.measures
                    for one in mine
                )
                for step in rule.steps
            ),
        )
        for (names, currency), mine in groups.items()
    ]


def _values(rule: Reconcile, messages: Sequence[Sighting]) -> tuple[int, ...]:
    def value(one: Sighting) -> int:
        return 1_000_000 if rule.measure == COUNT else round(one.measures.get(rule.measure, 0.0) * 1e6)

    return tuple(sum(value(one) for one in messages if one.step == step) for step in rule.steps)


def _fate(rule: Reconcile, messages: Sequence[Sighting], owner: Occurrence | None) -> str:
    """Whether a case is compared: not when it was cancelled, cannot be complete, or still has time."""
    if owner is None:
        return "settled"
    if owner.cancelled:
        return "cancelled"
    steps = [owner.steps.get(name, StepThen()) for name in rule.steps]
    if not all(step.applicable for step in steps):
        return "exempt"
    said = {one.step for one in messages}
    silent = [step for name, step in zip(rule.steps, steps, strict=True) if name not in said]
    if not silent or any(step.met or step.refused or step.overdue for step in silent):
        return "settled"
    values = _values(rule, messages)
    agreed = {value for value, name in zip(values, rule.steps, strict=True) if name in said}
    return "waiting" if len(agreed) <= 1 else "settled"


def groups(rule: Reconcile, found: Iterable[Case]) -> list[Group]:
    """The totals of cases, by group."""
    gathered: dict[tuple[tuple[str, ...], str], list[Case]] = {}
    for case in found:
        gathered.setdefault((case.keys, case.currency), []).append(case)
    return [_group(rule, keys, currency, mine) for (keys, currency), mine in sorted(gathered.items())]


def _group(rule: Reconcile, keys: tuple[str, ...], currency: str, mine: Sequence[Case]) -> Group:
    settled = [case for case in mine if case.fate == "settled"]
    nothing = (0,) * len(rule.steps)

    def total(rows: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
        return tuple(map(sum, zip(nothing, *rows, strict=True)))

    values = tuple(value / 1e6 for value in total(case.values for case in settled))
    net = max(abs(value - values[0]) for value in values)
    gross = sum(case.apart for case in settled) / 1e6
    return Group(
        keys=keys,
        currency=currency,
        state=group_state(net, gross, rule.tolerance, values[0]),
        settled=len(settled),
        waiting=sum(case.fate == "waiting" for case in mine),
        cancelled=sum(case.fate == "cancelled" for case in mine),
        exempt=sum(case.fate == "exempt" for case in mine),
        differing=sum(case.apart > rule.tolerance.share * abs(case.values[0]) for case in settled),
        counts=total(case.counts for case in settled),
        values=values,
        unmeasured=total(case.unmeasured for case in settled),
        net=round(net, 6),
        gross=gross,
    )
