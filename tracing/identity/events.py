"""What is in force of all that was said about identity: which keys are one, which links were taken back.

Called by the resolver and by the pages' reader. An event is a dated fact; what is in force is decided anew
from all of them, so that order and repetition of what arrives do not matter, and taking one back restores
what was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

JOINING = frozenset({"merge", "change", "link", "same"})
PARTING = frozenset({"unlink", "different"})


class Event(NamedTuple):
    """One fact, as a row of identity_events; keys are tokens, absent ones ''. `at` is when it happened."""

    event_id: str
    at: datetime
    event: str
    level: str
    from_token: str
    to_token: str
    subject_token: str = ""
    withdraws: str = ""
    from_kind: str = ""
    to_kind: str = ""


@dataclass(frozen=True, slots=True)
class InForce:
    """aliases: pairs of keys that are one, by what said so. void: links of what moved to where it was."""

    aliases: Mapping[frozenset[str], Event]
    void: frozenset[tuple[str, str]]
    released: frozenset[str]
    apart: frozenset[frozenset[str]]
    """Pairs of keys that a person called different: that is no doubt any more."""
    withdrawn: frozenset[str]
    """Ids of events that no longer hold: taken back by a person, or undone by a later event."""

    def groups(self, linked: bool = True) -> dict[str, frozenset[str]]:
        """Every key of an alias, and all that it is one with, itself included.

        linked: whether patients who were linked (A24) count. They may share a visit number without a doubt;
        but some sites link mother and child, so that what names one alone says nothing of the other.
        """
        near: dict[str, set[str]] = defaultdict(set)
        for pair, event in self.aliases.items():
            if event.event == "link" and not linked:
                continue
            one, other = sorted(pair)
            near[one].add(other)
            near[other].add(one)
        found: dict[str, frozenset[str]] = {}
        for token in near:
            if token in found:
                continue
            group, open_tokens = {token}, [token]
            while open_tokens:
                new = near[open_tokens.pop()] - group
                group |= new
                open_tokens += new
            found.update(dict.fromkeys(group, frozenset(group)))
        return found

    def heads(self) -> dict[str, str]:
        """Every key of an alias, and the one of its group that was named last as the one that stays."""
        groups = self.groups()
        newest: dict[frozenset[str], Event] = {}
        for event in self.aliases.values():
            group = groups[event.to_token]
            if group not in newest or _order(event) > _order(newest[group]):
                newest[group] = event
        return {token: newest[group].to_token for token, group in groups.items()}


def in_force(events: Iterable[Event]) -> InForce:
    """What holds after all of `events`; of contradicting ones the latest wins (by `at`, then by id).

    - A merge, change or link of two keys makes them one until they are parted: by an unlink, by a move of the
      patient's identifiers back (A43 from the one that stayed to the one that was merged), or by a person.
    - A move makes the link between what moved and where it was void until it moves back.
    - A person's `withdraw` takes the event it names out, and what repeated it until then (the same fact is
      told on every interface it passes); a move taken out is a move back.
    """
    known = list(dict.fromkeys(events))
    undone = _undone(known)
    joined: dict[frozenset[str], list[Event]] = defaultdict(list)
    moved: dict[tuple[str, str], list[tuple[datetime, str, bool]]] = defaultdict(list)
    released: set[str] = set()
    for event in known:
        back = undone.get(event.event_id)
        if event.event == "move" and event.subject_token:
            at = event.at if back is None else back.at
            moved[event.subject_token, event.from_token].append((at, event.event_id, back is None))
            moved[event.subject_token, event.to_token].append((at, event.event_id, back is not None))
        elif back is not None or event.event == "withdraw":
            continue
        elif event.event == "release":
            released.add(event.to_token)
        elif event.event in JOINING | PARTING | {"move"} and event.from_token not in ("", event.to_token):
            joined[frozenset((event.from_token, event.to_token))].append(event)
    withdrawn = set(undone)
    aliases, apart = {}, set()
    for pair, said in joined.items():
        holds: list[Event] = []
        for event in sorted(said, key=_order):
            if event.event in JOINING:
                holds.append(event)
            elif event.event != "move" or any(
                (one.from_token, one.to_token) == (event.to_token, event.from_token) for one in holds
            ):
                withdrawn |= {one.event_id for one in holds}
                holds = []
        if holds:
            aliases[pair] = holds[-1]
        elif max(said, key=_order).event == "different":
            apart.add(pair)
    void = set()
    for link, told in moved.items():
        if max(told)[2]:
            void.add(link)
        else:
            withdrawn |= {event_id for _, event_id, away in told if away}
    return InForce(aliases, frozenset(void), frozenset(released), frozenset(apart), frozenset(withdrawn))


def _undone(events: Iterable[Event]) -> dict[str, Event]:
    """Events that persons took back, by id, each with the decision."""
    known = list(events)
    by_id = {event.event_id: event for event in known}
    same: dict[tuple[str, str, str, str], list[Event]] = defaultdict(list)
    for event in known:
        same[_fact(event)].append(event)
    found: dict[str, Event] = {}
    for decision in sorted((event for event in known if event.event == "withdraw"), key=_order):
        named = by_id.get(decision.withdraws)
        if named is not None and named.event != "withdraw":
            for event in same[_fact(named)]:
                if event.at <= decision.at:
                    found[event.event_id] = decision
    return found


def _fact(event: Event) -> tuple[str, str, str, str]:
    return event.event, event.from_token, event.to_token, event.subject_token


def _order(event: Event) -> tuple[datetime, str]:
    return event.at, event.event_id
