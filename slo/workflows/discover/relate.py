"""What explains that a message follows: everybody has it, a tag says who, another one stands for it, or it
comes after a step. The simplest explanation that holds is taken.

Called by slo.workflows.discover.propose. Pure functions over counts, except that business hours need moments.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from slo.workflows.discover.mine import Activity, Observed, Pair, Share
from slo.workflows.discover.office import Office
from slo.workflows.discover.plain import plain_duration, share_of, spoken

#: A step that so many journeys have is expected of all; one that fewer have is optional; below is left out.
EXPECTED, SOMETIMES = 0.8, 0.2
#: A tag decides when its values have a step this often, or this rarely.
_YES, _NO = 0.8, 0.1
_ENOUGH = 10
#: Alternatives: of the rarer one, so few have the other, too; and each has its part.
_BOTH, _PART = 0.05, 0.05
_MOST_ALTERNATIVES = 4
#: A step comes after another when nearly all who have it have the other, before it, and its delay from there
#: is so much steadier than from the start.
_NEARLY_ALL, _STEADIER = 0.95, 0.5
#: Within so many seconds nobody asks what it comes after.
_AT_ONCE = 60.0
#: Delays so long may be those of an office.
_LONG = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Activities of which nearly every journey has one, and what speaks for it."""

    members: tuple[str, ...]
    evidence: str


@dataclass(frozen=True, slots=True)
class ProposedStep:
    """One step of a proposal. `within` in seconds and as written, `tag` and `values` of its `when`.

    members: the activities that meet it. after: the activity of the step its time begins with, "" for the
    start. p50, p95: from there, in seconds. evidence: a line each, what speaks for it.
    """

    name: str
    activity: Activity
    within_s: float
    within: str
    optional: bool
    share: Share
    tag: str = ""
    values: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    after: str = ""
    p50: float = 0.0
    p95: float = 0.0
    calendar: str = ""
    evidence: tuple[str, ...] = ()


def decides(by_tag: Mapping[str, Mapping[str, Share]]) -> tuple[str, tuple[str, ...], Share] | None:
    """The tag that tells the journeys that have an activity from those that have not, if one does.

    Of several that do, the one with the fewest values to name, then the one that tells best.
    """
    found = []
    for tag, values in sorted(by_tag.items()):
        known = {value: share for value, share in values.items() if value and share.old >= _ENOUGH}
        yes = {value: share for value, share in known.items() if share.rate >= _YES}
        no = [value for value, share in known.items() if share.rate <= _NO]
        if yes and no and len(yes) + len(no) == len(known):
            total = Share(sum(s.old for s in yes.values()), sum(s.had for s in yes.values()))
            found.append((len(yes), -total.rate, tag, tuple(sorted(yes)), total))
    return min(found)[2:] if found else None


def alternatives(
    activities: Sequence[Activity], together: Mapping[tuple[str, str], tuple[int, int]]
) -> dict[str, Alternatives]:
    """Activities of which nearly every journey has one, and hardly any two: by a name for them together.

    Those on one interface first, as one match names them; of others only what no tag explains.
    """
    open_ones = [one for one in activities if one.share.rate < EXPECTED]
    found: dict[str, Alternatives] = {}
    for interface in sorted({_interface(one.name) for one in open_ones}):
        here = [one for one in open_ones if _interface(one.name) == interface]
        if group := _exclusive(here, together):
            whats = "|".join(one.name.rpartition("@")[0] for one in group)
            found[f"{whats}@{interface}"] = _told(group, together)
    taken = {name for group in found.values() for name in group.members}
    left = [one for one in open_ones if one.name not in taken and not decides(one.by_tag)]
    while group := _exclusive(left, together):
        found["|".join(one.name for one in group)] = _told(group, together)
        left = [one for one in left if one not in group]
    return found


def _told(group: Sequence[Activity], together: Mapping[tuple[str, str], tuple[int, int]]) -> Alternatives:
    each = ", ".join(f"{one.name} {one.share.rate:.1%}" for one in group)
    two = sum(together[pair][1] for pair in itertools.combinations([one.name for one in group], 2))
    return Alternatives(tuple(one.name for one in group), f"one of these: {each}; two of them in {two}")


def _exclusive(
    activities: Sequence[Activity], together: Mapping[tuple[str, str], tuple[int, int]]
) -> tuple[Activity, ...]:
    """The group around the most frequent activity that `EXPECTED` have one of; () if there is none."""
    ordered = sorted(activities, key=lambda one: (-one.share.rate, one.name))
    for place, first in enumerate(ordered):
        if first.share.rate < EXPECTED / _MOST_ALTERNATIVES:
            break
        group, union = [first], first.share.rate
        for other in ordered[place + 1 :]:
            if other.share.rate < _PART or len(group) == _MOST_ALTERNATIVES:
                continue
            if all(_rarely_both(one, other, together) for one in group):
                group.append(other)
                union += other.share.rate
        if len(group) > 1 and min(union, 1.0) >= EXPECTED:
            return tuple(sorted(group, key=lambda one: one.name))
    return ()


def _rarely_both(one: Activity, other: Activity, together: Mapping[tuple[str, str], tuple[int, int]]) -> bool:
    either, both = together.get((min(one.name, other.name), max(one.name, other.name)), (0, 0))
    rarer = (either + both) * min(one.share.rate, other.share.rate) / (one.share.rate + other.share.rate)
    return either >= _ENOUGH and both <= _BOTH * rarer


def steps(
    observed: Observed,
    kept: Iterable[Activity],
    groups: Mapping[str, Alternatives],
    pairs: Mapping[tuple[str, str], Pair],
    name: Callable[[Activity], str],
    by_office: Callable[[str, str], Office | None],
) -> list[ProposedStep]:
    """The steps in their usual order, each with the simplest explanation that holds.

    by_office: the deadline by a calendar of an activity, counted from another ("": the start).
    """
    found: list[ProposedStep] = []
    names: set[str] = set()
    for activity in kept:
        step = _plain(activity, groups)
        if step is None:
            continue
        if step.optional:
            step = _depending(step, found, pairs)
        if not step.after:
            step = _steadier(step, found, pairs)
        if step.p95 >= _LONG and (rule := by_office(activity.name, step.after)) is not None:
            step = replace(step, within=rule.within, calendar=rule.calendar)
            step = replace(step, evidence=(*step.evidence, rule.evidence))
        own = name(activity)
        own = own if own not in names else f"{own} on {_interface(activity.name)}"
        names.add(own)
        found.append(replace(step, name=own, members=observed.members.get(activity.name, ())))
    return found


def _plain(activity: Activity, groups: Mapping[str, Alternatives]) -> ProposedStep | None:
    """Everybody has it, a tag says who has it, or it is optional; None where too few have it."""
    rule = None if activity.share.rate >= EXPECTED else decides(activity.by_tag)
    share = rule[2] if rule else activity.share
    if share.rate < SOMETIMES:
        return None
    evidence = [share_of(share)]
    if rule:
        others = [one for value, one in activity.by_tag[rule[0]].items() if value not in rule[1] and value]
        other = Share(sum(one.old for one in others), sum(one.had for one in others))
        evidence = [f"{share_of(share)} with {rule[0]} {' or '.join(rule[1])}, {share_of(other)} of others"]
    if group := groups.get(activity.name):
        evidence.append(group.evidence)
    within_s, within = plain_duration(activity.p95)
    return ProposedStep(
        name="",
        activity=activity,
        within_s=within_s,
        within=within,
        optional=share.rate < EXPECTED,
        share=share,
        tag=rule[0] if rule else "",
        values=rule[1] if rule else (),
        p50=activity.p50,
        p95=activity.p95,
        evidence=tuple(evidence),
    )


def _steadier(
    step: ProposedStep, before: Sequence[ProposedStep], pairs: Mapping[tuple[str, str], Pair]
) -> ProposedStep:
    """The step after another one if its delay from there is much steadier, else as it is."""
    activity = step.activity
    if activity.spread < _AT_ONCE:
        return step
    known = []
    for other in before:
        pair = pairs.get((other.activity.name, activity.name))
        if pair is None or (other.optional and not step.optional):
            continue
        steady = pair.spread <= _STEADIER * activity.spread
        if steady and _follows(pair, activity):
            known.append((other, pair))
    return _after(step, known)


def _depending(
    step: ProposedStep, before: Sequence[ProposedStep], pairs: Mapping[tuple[str, str], Pair]
) -> ProposedStep:
    """An optional step as one that is expected after another optional one, if whoever had that one has it."""
    known = []
    for other in before:
        pair = pairs.get((other.activity.name, step.activity.name))
        if pair is None or not other.optional or not _follows(pair, step.activity):
            continue
        share = Share(other.activity.journeys, min(other.activity.journeys, pair.both * pair.one_in))
        if share.rate >= EXPECTED:
            known.append((other, pair, share))
    if not known:
        return step
    other, _, share = known[0]
    evidence = (f"{share_of(share)} that had {other.name}",)
    return _after(
        replace(step, optional=False, share=share, evidence=evidence),
        [(one, pair) for one, pair, _ in known],
    )


def _follows(pair: Pair, activity: Activity) -> bool:
    """Whether nearly all who have an activity had the other one before it."""
    return (
        pair.both >= _ENOUGH
        and pair.both * pair.one_in >= _NEARLY_ALL * activity.journeys
        and pair.ordered >= _NEARLY_ALL * pair.both
    )


def _after(step: ProposedStep, known: Sequence[tuple[ProposedStep, Pair]]) -> ProposedStep:
    if not known:
        return step
    # Of steps from which it is as steady, the first: the others follow the same one.
    best = min(pair.spread for _, pair in known)
    other, pair = next(one for one in known if one[1].spread <= max(1.25 * best, best + 1.0))
    within_s, within = plain_duration(pair.p95)
    steadier = (
        f"counted from {other.name}: 80 of 100 within {spoken(pair.spread)} of each other, "
        f"from the start within {spoken(step.activity.spread)}"
    )
    return replace(
        step,
        after=other.activity.name,
        within_s=within_s,
        within=within,
        p50=pair.p50,
        p95=pair.p95,
        evidence=(*step.evidence, steadier),
    )


def _interface(activity: str) -> str:
    return activity.rpartition("@")[2]
