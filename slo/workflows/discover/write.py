"""Writes a proposal down as YAML, what speaks for each step beside it.

Called by slo.workflows.discover.propose. It decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from slo.workflows.discover.mine import Observed, Share
from slo.workflows.discover.plain import share_of, spoken
from slo.workflows.discover.relate import ProposedStep
from slo.workflows.discover.things import Thing

_LONGEST_NAME = 64
_WIDTH = 108
_SOME = 4


def step_name(activity: str, observed: Observed, endpoints: Mapping[str, tuple[str, str]]) -> str:
    """What people may call it: where it goes, and what it is."""
    members = observed.members.get(activity, (activity,))
    whats = [member.rpartition("@")[0] for member in members]
    interfaces = list(dict.fromkeys(member.rpartition("@")[2] for member in members))
    where = list(dict.fromkeys(endpoints.get(one, ("", ""))[1] or one for one in interfaces))
    what = "accepted" if activity == observed.start else " or ".join(dict.fromkeys(whats))
    return f"{' or '.join(where)} {what}"[:_LONGEST_NAME].strip()


def yaml_of(
    observed: Observed,
    steps: Sequence[ProposedStep],
    cancel: str,
    covered: Share,
    days: int,
    thing: Thing | None,
) -> str:
    """A document that `caretrail workflow check` accepts."""
    starts = observed.members.get(observed.start, (observed.start,))
    what = " or ".join(start.rpartition("@")[0] for start in starts)
    name = "".join(letter if letter.isalnum() else "-" for letter in what.lower())
    name = "-".join(part for part in name.split("-") if part)
    shared = set(thing.shared) if thing else set()
    calendar = next((step.calendar for step in steps if step.calendar), "")
    cases = f"{thing.kind}s" if thing else "journeys"
    lines = [
        *_comment(
            f"Proposed from {observed.journeys} {cases} of the last {days} days, of those that began with "
            f"{observed.start}. {covered.had} of {covered.old} {cases} that are old enough follow it "
            f"({covered.rate:.1%}). Each deadline is what 95 of 100 needed, rounded up: a promise is yours "
            "to choose."
        ),
        "apiVersion: caretrail/v1",
        "kind: Workflow",
        "metadata:",
        f"  name: {f'after-{name}'[:63].rstrip('-')}",
        f"  title: {_text(f'What follows {what}')}",
        "  owner: nobody yet",
        "  criticality: medium",
        "spec:",
        f"  journey: {observed.journey}",
    ]
    if thing:
        lines += _comment(
            f"{thing.several} of {thing.journeys} journeys have more than one {thing.kind}", "  "
        )
        if thing.others:
            some = ", ".join(thing.others[:_SOME]) + (", …" if len(thing.others) > _SOME else "")
            lines += _comment(
                f"left out: {len(thing.others)} messages that journeys without any {thing.kind} have, too "
                f"({some})",
                "  ",
            )
        lines.append(f"  for_each: {thing.kind}")
    lines.append(f"  start: {_match(starts, set())}")
    if cancel:
        lines.append(f"  cancel: {_match((cancel,), set())}")
    if calendar:
        lines.append(f"  calendar: {calendar}")
    lines.append("  steps:")
    names = {step.activity.name: step.name for step in steps}
    for step in steps:
        lines += _step(step, names, shared)
    return "\n".join(lines) + "\n"


def _step(step: ProposedStep, names: Mapping[str, str], shared: set[str]) -> list[str]:
    first, *more = step.evidence or (share_of(step.share),)
    from_where = f" of {names[step.after]}" if step.after else ""
    lines = _comment(
        f"{first}; half within {spoken(step.p50)}, 95 of 100 within {spoken(step.p95)}{from_where}", "    "
    )
    for line in more:
        lines += _comment(line, "    ")
    lines.append(f"    - name: {_text(step.name)}")
    members = step.members or (step.activity.name,)
    interfaces = {member.rpartition("@")[2] for member in members}
    if len(interfaces) == 1 and len({" " in member.rpartition("@")[0] for member in members}) == 1:
        lines.append(f"      match: {_match(members, shared)}")
    else:
        lines.append("      any_of:")
        lines += [f"        - {_match((member,), shared)}" for member in members]
    lines.append(f"      within: {step.within}")
    if step.after:
        lines.append(f"      after: {_text(names[step.after])}")
    if step.optional:
        lines.append("      optional: true")
    if step.tag:
        lines.append(f"      when: {{{_text(step.tag)}: [{', '.join(map(_text, step.values))}]}}")
    return lines


def _match(activities: Sequence[str], shared: set[str]) -> str:
    """Activities of one interface, all of them messages or all of them operations."""
    whats = [activity.rpartition("@")[0] for activity in activities]
    word = "operation" if " " in whats[0] else "message"
    named = _text(whats[0]) if len(whats) == 1 else f"[{', '.join(map(_text, whats))}]"
    every = ", shared: true" if shared.issuperset(activities) else ""
    return f"{{interface: {_text(activities[0].rpartition('@')[2])}, {word}: {named}{every}}}"


def _text(value: str) -> str:
    """A YAML scalar that is read as this very text: JSON strings are YAML."""
    return json.dumps(value, ensure_ascii=False)


def _comment(text: str, indent: str = "") -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(indent) + len(line) + len(word) + 3 > _WIDTH:
            lines.append(f"{indent}# {line}")
            line = ""
        line = f"{line} {word}".strip()
    return [*lines, f"{indent}# {line}"]
