"""Writes a workflow from what happened: steps in their usual order, with deadlines that 95 of 100 keep.

Called by `caretrail workflow discover`. What it writes passes `caretrail workflow check`; a person decides
whether it is also what should happen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from slo.workflows.discover.events import PACKAGE, gathered
from slo.workflows.discover.mine import Activity, Observed, Share, coverage, mine
from tracing.store import Store, load_sql

#: A step that so many journeys have is expected of all; one that fewer have is optional; below is left out.
EXPECTED, SOMETIMES = 0.8, 0.2
#: A tag decides when its values have a step this often, or this rarely.
_YES, _NO = 0.8, 0.1
_ENOUGH = 10
_PLAIN = (
    *((n, f"{n}s") for n in (1, 2, 5, 10, 15, 20, 30, 45)),
    *((n * 60, f"{n}m") for n in (1, 2, 3, 5, 10, 15, 20, 30, 45)),
    *((n * 3600, f"{n}h") for n in (1, 2, 3, 4, 6, 8, 12, 16)),
    *((n * 86400, f"{n} day{'s' if n > 1 else ''}") for n in (1, 2, 3, 4, 5, 7, 10, 14, 21, 30, 45, 60, 90)),
)
#: HL7 v2 events and the event that takes each back (table 0003).
_TAKEN_BACK = {"A01": "A11", "A02": "A12", "A03": "A13", "A04": "A11", "A05": "A38"}


@dataclass(frozen=True, slots=True)
class ProposedStep:
    """One step of a proposal: `within` in seconds and as written, `tag` and `values` of its `when`."""

    name: str
    activity: Activity
    within_s: float
    within: str
    optional: bool
    share: Share
    tag: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A workflow that traffic itself seems to follow, and how many journeys do follow it."""

    observed: Observed
    steps: tuple[ProposedStep, ...]
    cancel: str
    coverage: Share
    yaml: str


def discover(
    store: Store,
    journey: str,
    now: datetime,
    *,
    days: int = 30,
    start: str | None = None,
    endpoints: Mapping[str, tuple[str, str]] | None = None,
) -> Proposal:
    """Propose a workflow for journeys of a kind. endpoints: interface -> (source, destination), for names.

    Raises NothingSeen, StoreError.
    """
    since = now - timedelta(days=days)
    with gathered(store, since, now) as table:
        observed = mine(store, table, journey, start, since, now)
        steps = tuple(_steps(observed, endpoints or _endpoints(store, since)))
        wanted = [
            (step.activity.name, step.within_s, step.tag, step.values) for step in steps if not step.optional
        ]
        covered = coverage(store, table, observed, wanted) if wanted else Share(0, 0)
    cancel = _cancel(observed)
    return Proposal(observed, steps, cancel, covered, _yaml(observed, steps, cancel, covered, days))


def plain_duration(seconds: float) -> tuple[float, str]:
    """The next longer duration that people use."""
    for length, text in _PLAIN:
        if seconds <= length:
            return float(length), text
    return float(_PLAIN[-1][0]), _PLAIN[-1][1]


def decides(by_tag: Mapping[str, Mapping[str, Share]]) -> tuple[str, tuple[str, ...], Share] | None:
    """The tag that tells the journeys that have an activity from those that have not, if one does."""
    for tag, values in sorted(by_tag.items()):
        known = {value: share for value, share in values.items() if value and share.old >= _ENOUGH}
        yes = {value: share for value, share in known.items() if share.rate >= _YES}
        no = [value for value, share in known.items() if share.rate <= _NO]
        if yes and no and len(yes) + len(no) == len(known):
            total = Share(sum(s.old for s in yes.values()), sum(s.had for s in yes.values()))
            return tag, tuple(sorted(yes)), total
    return None


def _steps(observed: Observed, endpoints: Mapping[str, tuple[str, str]]) -> Iterable[ProposedStep]:
    names: set[str] = set()
    kept = [activity for activity in observed.activities if not _takes_back(activity.name, observed.start)]
    for activity in sorted(kept, key=lambda one: (one.p50, one.name)):
        rule = None if activity.share.rate >= EXPECTED else decides(activity.by_tag)
        share = rule[2] if rule else activity.share
        if share.rate < SOMETIMES:
            continue
        name = _name(activity.name, observed.start, endpoints)
        if name in names:
            name = f"{name} on {activity.name.rpartition('@')[2]}"
        names.add(name)
        within_s, within = plain_duration(activity.p95)
        yield ProposedStep(
            name=name[:64],
            activity=activity,
            within_s=within_s,
            within=within,
            optional=share.rate < EXPECTED,
            tag=rule[0] if rule else "",
            values=rule[1] if rule else (),
            share=share,
        )


def _name(activity: str, start: str, endpoints: Mapping[str, tuple[str, str]]) -> str:
    what, _, interface = activity.rpartition("@")
    destination = endpoints.get(interface, ("", ""))[1] or interface
    return f"{destination} accepted" if activity == start else f"{destination} {what}"


def _takes_back(activity: str, start: str) -> bool:
    return activity == _taken_back_by(start)


def _taken_back_by(start: str) -> str:
    what, _, interface = start.rpartition("@")
    kind, _, event = what.partition("^")
    return f"{kind}^{_TAKEN_BACK[event]}@{interface}" if kind == "ADT" and event in _TAKEN_BACK else ""


def _cancel(observed: Observed) -> str:
    back = _taken_back_by(observed.start)
    return back if any(activity.name == back for activity in observed.activities) else ""


def _endpoints(store: Store, since: datetime) -> dict[str, tuple[str, str]]:
    rows = store.query(load_sql(PACKAGE, "endpoints.sql"), {"since": since}).rows
    return {interface: (source, destination) for interface, source, destination in rows}


def _yaml(observed: Observed, steps: Sequence[ProposedStep], cancel: str, covered: Share, days: int) -> str:
    what = observed.start.rpartition("@")[0]
    name = "".join(letter if letter.isalnum() else "-" for letter in what.lower()).strip("-")
    lines = [
        f"# Proposed from {observed.journeys} journeys of the last {days} days, of those that began with",
        f"# {observed.start}.",
        f"# {covered.had} of {covered.old} journeys that are old enough follow it ({covered.rate:.1%}).",
        "# Each deadline is what 95 of 100 needed, rounded up: a promise is yours to choose.",
        "apiVersion: caretrail/v1",
        "kind: Workflow",
        "metadata:",
        f"  name: after-{name}"[:64],
        f"  title: {_text(f'What follows {what}')}",
        "  owner: nobody yet",
        "  criticality: medium",
        "spec:",
        f"  journey: {observed.journey}",
        f"  start: {_match(observed.start)}",
        *([f"  cancel: {_match(cancel)}"] if cancel else []),
        "  steps:",
    ]
    for step in steps:
        seen = f"{step.share.had} of {step.share.old} ({step.share.rate:.1%})"
        p50, p95 = _spoken(step.activity.p50), _spoken(step.activity.p95)
        lines += [
            f"    # {seen}; half within {p50}, 95 of 100 within {p95}",
            f"    - name: {_text(step.name)}",
            f"      match: {_match(step.activity.name)}",
            f"      within: {step.within}",
        ]
        if step.optional:
            lines.append("      optional: true")
        if step.tag:
            lines.append(f"      when: {{{_text(step.tag)}: [{', '.join(map(_text, step.values))}]}}")
    return "\n".join(lines) + "\n"


def _match(activity: str) -> str:
    what, _, interface = activity.rpartition("@")
    word = "operation" if " " in what else "message"
    return f"{{interface: {_text(interface)}, {word}: {_text(what)}}}"


def _text(value: str) -> str:
    """A YAML scalar that is read as this very text: JSON strings are YAML."""
    return json.dumps(value, ensure_ascii=False)


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} m"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"
