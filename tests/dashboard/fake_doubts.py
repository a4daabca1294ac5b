"""Identity in the hospital in memory: merges, one of them taken back, and keys in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dashboard.source import Named
from tests.dashboard.fake_moment import NOW
from tracing.context import SiteKey
from tracing.identity.model import NEVER
from tracing.identity.read import Collision, IdentityEvent
from tracing.keys import Key, Sealer

SITE_KEY = SiteKey(bytes(range(32)))
SEALER = Sealer(SITE_KEY)
_MINUTE = timedelta(minutes=1)


def _named(kind: str, value: str, certainty: str = "certain", basis: str = "key", journey: str = "") -> Named:
    key = Key(kind, "NSH", value)
    token = SEALER.token(key)
    return Named(token, kind, "NSH", SEALER.seal(key), journey or token, certainty, basis)


VISIT = _named("visit", "V2600041", basis="own")
OTHER_VISIT = _named("visit", "V2600917", basis="own")
ACCOUNT = _named("account", "A7700123", "probable", "several", VISIT.token)
MRN, OLD_MRN, THIRD_MRN = (_named("mrn", f"10002{n}") for n in (3, 7, 9))
SHARED = _named("account", "A7700900", "quarantined", "quarantined")
TWICE = _named("visit", "V2600555", basis="own")
BLANK = _named("visit", "UNKNOWN")
NAMED = {
    each.token: each for each in (VISIT, OTHER_VISIT, ACCOUNT, MRN, OLD_MRN, THIRD_MRN, SHARED, TWICE, BLANK)
}


def _event(number: int, event: str, ago_m: int, came: Named, now: Named, **more: str) -> IdentityEvent:
    told = IdentityEvent(
        event_id=f"{number:032x}", at=NOW - ago_m * _MINUTE, event=event, level="patient",
        from_token=came.token, to_token=now.token, subject_token="", withdraws="", from_kind=came.kind,
        to_kind=now.kind, subject_kind="", message="ADT^A40", interface="ehr-adt", source="ehr",
        outcome="accepted", trace_id="", span_id="", who="", reason="",
    )  # fmt: skip
    return replace(told, **more)  # type: ignore[arg-type]


def identity_events() -> list[IdentityEvent]:
    """A merge, told over two interfaces; another that was taken back; a cancelled discharge."""
    wrong = replace(_event(3, "merge", 300, THIRD_MRN, MRN), withdrawn=True)
    persons = {"message": "", "interface": "", "source": "", "outcome": ""}
    return [
        _event(1, "merge", 500, OLD_MRN, MRN),
        _event(2, "merge", 499, OLD_MRN, MRN, interface="billing-adt-dft", source="engine"),
        wrong,
        _event(4, "withdraw", 200, THIRD_MRN, MRN, withdraws=wrong.event_id, who="rivera",
               reason="typing error at the desk", **persons),
        _event(5, "cancel", 60, VISIT, VISIT, message="ADT^A13", level="visit"),
    ]  # fmt: skip


def collisions() -> list[Collision]:
    """One of every kind."""

    def raised(key: Named, why: str, evidence: tuple[str, ...], ago_m: int) -> Collision:
        at = NOW - ago_m * _MINUTE
        return Collision(key.token, why, key.kind, key.authority, key.sealed, evidence, at, NEVER)

    return [
        raised(BLANK, "blank", ("00000000000000aa",), 3),
        raised(SHARED, "too_many", (VISIT.token, OTHER_VISIT.token, TWICE.token, "9" * 32), 45),
        raised(TWICE, "two_patients", (MRN.token, THIRD_MRN.token), 130),
        raised(OTHER_VISIT, "reused", (MRN.token, OLD_MRN.token), 3000),
    ]
