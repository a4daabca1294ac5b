"""Which encounter gets which story of identity, and its particulars: numbers over time, notices, partners.

Called by the casebook for every encounter it plans. Deterministic: dice of their own by seed and encounter,
so that a hospital without stories has the very encounters it would have had otherwise, and a partner, an
encounter some hours earlier, is found by planning its hour again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from simulator.config import IdentityRates
from simulator.identity import BLANK_ACCOUNT, BLANK_MRN, BUCKET_ACCOUNT, Notice, Numbers, Spell, Story
from simulator.model import DAY, FIRST_BUCKET, Encounter, Stream, Trait, hour

LATEST = 3 * DAY
"""How long after the discharge a notice may come."""
_CARELESS = frozenset({Trait.MISSING_VISIT, Trait.WRONG_VISIT, Trait.WRONG_VISIT_ON_CHARGE})
_NEVER = float("-inf")

_Teller = Callable[[random.Random, Encounter], Encounter | None]


class Stories:
    """Tells the stories of one stream."""

    def __init__(self, seed: int, stream: Stream, rates: IdentityRates) -> None:
        self._seed, self._stream, self._rates = seed, stream, rates
        self._shares = [(Story(name), float(getattr(rates, name))) for name in IdentityRates.names()]
        self._any = any(share > 0 for _, share in self._shares)
        self._tellers: dict[Story, _Teller] = {
            Story.MERGED: _merged,
            Story.ACCOUNT_CHANGED: _account_changed,
            Story.VISIT_CHANGED: _visit_changed,
            Story.MOVED: self._moved,
            Story.LINKED: self._linked,
            Story.WRONGLY_MERGED: self._wrongly_merged,
            Story.SWAPPED: lambda dice, e: e,
            Story.REUSED: self._reused,
            Story.OTHER_AUTHORITY: self._other_authority,
            Story.MRN_ONLY: _mrn_only,
            Story.LATE_LINK: _late_link,
            Story.BLANK: _blank,
            Story.BUCKET: _bucket,
            Story.STRANGERS_VISIT: self._strangers_visit,
            Story.ADMISSION_CANCELLED: _admission_cancelled,
        }

    def tell(self, encounter: Encounter) -> Encounter:
        """The encounter with its story, or as it is when it has none or no partner is there for it."""
        if not self._any:
            return encounter
        dice, story = self._drawn(encounter.key)
        if story is Story.NONE:
            return encounter
        told = self._tellers[story](dice, replace(encounter, traits=encounter.traits - _CARELESS))
        return encounter if told is None else replace(told, story=story)

    def _drawn(self, key: str) -> tuple[random.Random, Story]:
        dice = random.Random(f"{self._seed}|identity|{key}")
        roll = dice.random()
        for story, share in self._shares:
            if roll < share:
                return dice, story
            roll -= share
        return dice, Story.NONE

    def _partner(self, encounter: Encounter, hours: int) -> Encounter | None:
        """An encounter some hours earlier that has no story and is somebody else's."""
        bucket = int(encounter.key[2:8]) + FIRST_BUCKET - hours
        for earlier in (bucket, bucket - 1, bucket + 1, bucket - 2):
            for found in hour(self._seed, earlier, self._stream):
                if self._fits(found, encounter):
                    return found
        return None

    def _only_partner(self, encounter: Encounter, hours: int) -> Encounter | None:
        """The one at the same place some hours earlier: nobody else has it for a partner at this distance."""
        bucket, place = int(encounter.key[2:8]), int(encounter.key[8:])
        earlier = list(hour(self._seed, bucket + FIRST_BUCKET - hours, self._stream))
        fits = place < len(earlier) and self._fits(earlier[place], encounter)
        return earlier[place] if fits else None

    def _fits(self, found: Encounter, encounter: Encounter) -> bool:
        return self._drawn(found.key)[1] is Story.NONE and found.person != encounter.person

    def _moved(self, dice: random.Random, e: Encounter) -> Encounter | None:
        """Registered on an account, or under a number, of another stay; put right before the discharge."""
        partner = self._partner(e, 24)
        if partner is None:
            return None
        event = dice.choice(("A45", "A44"))
        variant = "other patient"
        wrong = Numbers(e.visit, e.account, partner.mrn)
        if event == "A45":
            wrong = replace(wrong, account=partner.account)
            if dice.random() < 0.5:
                variant = "other stay"
                e = replace(e, mrn=partner.mrn, person=partner.person)
        at = _during(dice, e)
        prior = Numbers(
            visit=e.visit if event == "A45" else "",
            account=wrong.account,
            mrn=wrong.mrn,
        )
        now = e.numbers if event == "A45" else replace(e.numbers, visit="")
        return replace(
            e,
            traits=e.traits - {Trait.OUT_OF_ORDER},
            variant=f"{event} {variant}",
            spells=(Spell(_NEVER, wrong), Spell(at, e.numbers)),
            notices=(Notice(at, event, now, prior, persons=(e.person,)),),
        )

    def _linked(self, dice: random.Random, e: Encounter) -> Encounter | None:
        """Linked with another patient, whose data is then touched while only this one is here."""
        partner = self._partner(e, 10 * 24)
        if partner is None:
            return None
        at = _between(dice, e.admitted, e.discharged, 0.1, 0.4)
        pair = (e.person, partner.person)
        mine, theirs = Numbers(mrn=e.mrn), Numbers(mrn=partner.mrn)
        touched = _between(dice, e.admitted, e.discharged, 0.5, 0.9)
        notices = [
            Notice(at, "A24", mine, other=partner.mrn, persons=pair),
            Notice(touched, "A31", theirs, persons=(partner.person,), attached=False),
        ]
        if dice.random() < 0.5:
            notices.append(Notice(_after(dice, e), "A37", mine, other=partner.mrn, persons=pair))
        return replace(e, variant="unlinked" if len(notices) == 3 else "", notices=tuple(notices))

    def _wrongly_merged(self, dice: random.Random, e: Encounter) -> Encounter | None:
        """Merged into another patient by mistake; taken back by A37, A43 or a person, the visit moved."""
        partner = self._partner(e, 10 * 24)
        if partner is None:
            return None
        at = _between(dice, e.admitted, e.discharged, 0.2, 0.4)
        in_stay = dice.random() < 0.5
        back = _between(dice, e.admitted, e.discharged, 0.6, 0.8) if in_stay else _after(dice, e)
        mistaken = replace(e.numbers, mrn=partner.mrn)
        pair = (e.person, partner.person)
        undone = dice.choice(("A37", "A43", "person"))
        notices = [
            Notice(at, "A40", Numbers(mrn=partner.mrn), Numbers(mrn=e.mrn), persons=pair, undone=undone),
            Notice(
                _between(dice, e.admitted, e.discharged, 0.45, 0.9),
                "A31",
                Numbers(mrn=partner.mrn),
                persons=(partner.person,),
                attached=False,
            ),
            Notice(back, "A45", e.numbers, mistaken, persons=(e.person,)),
        ]
        mine, theirs, then = Numbers(mrn=e.mrn), Numbers(mrn=partner.mrn), round(back + 2, 3)
        if undone == "A37":
            notices.append(Notice(then, "A37", mine, other=partner.mrn, persons=pair))
        elif undone == "A43":
            notices.append(Notice(then, "A43", mine, theirs, persons=pair))
        return replace(
            e,
            variant=undone,
            spells=(Spell(_NEVER, e.numbers), Spell(at, mistaken), Spell(back, e.numbers)),
            notices=tuple(sorted(notices, key=lambda notice: notice.at)),
        )

    def _reused(self, dice: random.Random, e: Encounter) -> Encounter | None:
        """Given the numbers of a stay of long ago."""
        partner = self._only_partner(e, 24 * self._rates.reuse_days)
        return partner and replace(e, visit=partner.visit, account=partner.account)

    def _other_authority(self, dice: random.Random, e: Encounter) -> Encounter | None:
        """A patient of another house, which counts its own numbers and happens to use the same ones."""
        partner = self._only_partner(e, 24)
        return partner and replace(
            e,
            person=f"W{e.key[1:]}",
            visit=partner.visit,
            account=partner.account,
            mrn=partner.mrn,
            authority="WSC",
            facility="WSC-MAIN",
            patient_class="E",
            item="",
            implant=False,
        )

    def _strangers_visit(self, dice: random.Random, e: Encounter) -> Encounter | None:
        """Charged under the visit number of another patient of these days (`variant`)."""
        partner = self._partner(e, 36)
        return partner and replace(e, variant=partner.visit)


def _between(dice: random.Random, start: float, end: float, low: float, high: float) -> float:
    return round(start + (end - start) * dice.uniform(low, high), 3)


def _during(dice: random.Random, e: Encounter) -> float:
    return _between(dice, e.admitted, e.discharged, 0.1, 0.9)


def _after(dice: random.Random, e: Encounter) -> float:
    """Hours to three days after the discharge."""
    return _between(dice, e.discharged, e.discharged + LATEST, 0.02, 1.0)


def _change(
    dice: random.Random, e: Encounter, earlier: Numbers, event: str, at: float, now: Numbers, prior: Numbers
) -> Encounter:
    return replace(
        e,
        variant=event,
        spells=(Spell(_NEVER, earlier), Spell(at, e.numbers)),
        notices=(Notice(at, event, now, prior, persons=(e.person,)),),
    )


def _merged(dice: random.Random, e: Encounter) -> Encounter:
    """Admitted under a temporary patient number, which is merged into the real one in the stay or later."""
    temporary = replace(e.numbers, mrn=f"T{e.key[1:]}")
    event = dice.choices(("A40", "A18", "A34", "A39"), (6, 2, 2, 1))[0]
    at = _during(dice, e) if dice.random() < 0.6 else _after(dice, e)
    return _change(dice, e, temporary, event, at, Numbers(mrn=e.mrn), Numbers(mrn=temporary.mrn))


def _account_changed(dice: random.Random, e: Encounter) -> Encounter:
    """Given another account number; nothing but the notice has both."""
    earlier = replace(e.numbers, account=f"A8{e.key[1:]}")
    event = dice.choices(("A49", "A35", "A41"), (4, 2, 2))[0]
    at = _during(dice, e) if dice.random() < 0.5 else _after(dice, e)
    now = replace(e.numbers, visit="")
    return _change(dice, e, earlier, event, at, now, Numbers(account=earlier.account, mrn=e.mrn))


def _visit_changed(dice: random.Random, e: Encounter) -> Encounter:
    """Given another visit number; charges may go on naming the first one."""
    earlier = replace(e.numbers, visit=f"V8{e.key[1:]}")
    event = dice.choices(("A50", "A42"), (6, 4))[0]
    at = _during(dice, e) if dice.random() < 0.6 else _after(dice, e)
    told = _change(dice, e, earlier, event, at, e.numbers, earlier)
    return replace(told, variant=f"{event} unlearned" if dice.random() < 0.5 else event)


def _mrn_only(dice: random.Random, e: Encounter) -> Encounter:
    """Some message names the patient and nothing else, or blanks besides."""
    return replace(e, variant=dice.choice(("charge", "blank charge", "admission")))


def _late_link(dice: random.Random, e: Encounter) -> Encounter:
    """The EHR names only the visit, what follows only the account; one message, days later, names both."""
    visit_only = replace(e.numbers, account="")
    at = _after(dice, e)
    return replace(
        e,
        spells=(Spell(_NEVER, visit_only), Spell(at, e.numbers)),
        notices=(Notice(at, "A08", e.numbers, persons=(e.person,)),),
    )


def _blank(dice: random.Random, e: Encounter) -> Encounter:
    """Something that is no number where one should be: on the discharge, or until shortly after admission."""
    variant = dice.choice(("visit", "account", "mrn"))
    if variant == "visit":
        return replace(e, variant=variant)
    numbers = e.numbers
    blank = (
        replace(numbers, account=BLANK_ACCOUNT) if variant == "account" else replace(numbers, mrn=BLANK_MRN)
    )
    soon = _between(dice, e.admitted, e.discharged, 0.05, 0.1)
    spells = (Spell(_NEVER, blank), Spell(soon, e.numbers))
    return replace(e, variant=variant, spells=spells)


def _bucket(dice: random.Random, e: Encounter) -> Encounter:
    """An emergency visit without an account of its own: everything is written on the department's."""
    return replace(e, patient_class="E", account=BUCKET_ACCOUNT)


def _admission_cancelled(dice: random.Random, e: Encounter) -> Encounter:
    """Admitted by mistake: A11 after minutes, and no discharge."""
    at = round(e.admitted + min(dice.uniform(120, 5400), (e.discharged - e.admitted) / 2), 3)
    notice = Notice(at, "A11", e.numbers, persons=(e.person,))
    return replace(e, traits=e.traits - {Trait.OUT_OF_ORDER}, notices=(notice,))
