"""Which address shows what: fetches a page's rows through the feed and hands them to the page.

Called by the page callback in `dashboard.shell`. Checks the role of whoever asks, records patient-level looks
before they are shown, and keeps the last good answer when the store is away. Must never raise for bad input.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dash import html
from dash.development.base_component import Component

from dashboard import components, found, knowing, lookup, reconciling
from dashboard.audit import Look
from dashboard.auth import Session
from dashboard.feed import Feed, Snapshot
from dashboard.identity_api import DECIDE
from dashboard.masking import masked
from dashboard.pages import (
    admin,
    board,
    collisions,
    encounter,
    exceptions,
    executive,
    identity,
    interfaces,
    objectives,
    reconciliation,
    workflows,
)
from dashboard.pages.frame import Frame
from dashboard.pages.identity import MaskedKey
from dashboard.settings import DashboardSettings
from dashboard.source import NOT_AHEAD, Named, Source
from dashboard.watching import AHEAD, LIST_LIMIT, matching, moment_of
from slo.workflows.rows import InstanceRow, Outline
from tracing.identity.read import Collision, IdentityEvent
from tracing.keys import Sealer

log = logging.getLogger(__name__)

_JOURNEY = re.compile(r"/encounter/([0-9a-f]{32})\Z")
_OPERATIONS: Final = frozenset({"noc", "engineer"})
_EVERYBODY: Final = frozenset({"noc", "engineer", "executive"})
_RARELY_S: Final = 60.0
_LOOK_AGAIN: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Place:
    """A page in the navigation.  refresh_s: how old its data may be before it is asked again."""

    path: str
    label: str
    roles: frozenset[str]
    refresh_s: float


PLACES: Final = (
    Place("/", "Board", _OPERATIONS, 1.5),
    Place("/exceptions", "Exceptions", _OPERATIONS, 1.5),
    Place("/interfaces", "Interfaces", _OPERATIONS, 5.0),
    Place("/executive", "Executive", _EVERYBODY, 60.0),
    Place("/objectives", "Objectives", _EVERYBODY, 15.0),
    Place("/reconciliation", "Reconciliation", _EVERYBODY, 60.0),
    Place("/workflows", "Workflows", frozenset({"engineer"}), 300.0),
    Place("/admin", "Admin", frozenset({"engineer"}), 5.0),
)
_ENCOUNTER: Final = Place("/encounter", "Encounter", _OPERATIONS, 0.8)
#: Reached from the admin page and from alerts, not from the navigation.
_COLLISIONS: Final = Place("/collisions", "Key collisions", _OPERATIONS, 3.0)
_BY_PATH: Final = {place.path: place for place in (*PLACES, _COLLISIONS)}


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as it goes out.  promise_s: older than this is stale; taken_at None: nothing was ever known."""

    body: Component
    title: str
    taken_at: datetime | None
    promise_s: float
    error: str = ""


def known(path: str) -> bool:
    """Whether an address is a page (an encounter that does not exist is still a page that says so)."""
    return path in _BY_PATH or _JOURNEY.match(path) is not None


def place_of(path: str) -> Place | None:
    """The place an address belongs to."""
    return _ENCOUNTER if _JOURNEY.match(path) else _BY_PATH.get(path)


class Guide:
    """Shows people to places.  doctor: the checks of the process that runs us, called off the event loop."""

    def __init__(
        self,
        feed: Feed,
        source: Source,
        settings: DashboardSettings,
        sealer: Sealer | None,
        doctor: Callable[[], Sequence[admin.Check]] | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._feed = feed
        self._source = source
        self._settings = settings
        self._sealer = sealer
        self._doctor = doctor
        self._clock = clock
        self._looked: dict[tuple[str, str, str], datetime] = {}

    async def show(self, path: str, query: Mapping[str, str], session: Session, where_from: str) -> Shown:
        """The page at an address for one session."""
        place = place_of(path)
        now = self._clock()
        frame = Frame(now, self._settings.tz, self._settings.site, path, query)
        if place is None:
            return _plain("There is no such page", "Go to the board, or search with “/”.", now)
        if not session.may(place.roles):
            return _plain(
                "Not for your role",
                f"{session.role.capitalize()} accounts do not include this page; executives see sums only.",
                now,
            )
        if match := _JOURNEY.match(path):
            return await self._encounter(frame, match[1], session, where_from)
        if place is _COLLISIONS:
            return await self._collisions(frame, session, where_from)
        if path == "/reconciliation":
            return await self._reconciliation(frame, place, session, where_from)
        if path == "/workflows":
            return await self._workflows(frame, place, session, where_from)
        shows = {
            "/": self._board,
            "/exceptions": self._exceptions,
            "/interfaces": self._interfaces,
            "/executive": self._executive,
            "/objectives": self._objectives,
            "/admin": self._admin,
        }
        return await shows[path](frame, place)

    async def rows(self, query: Mapping[str, str], now: datetime) -> list[InstanceRow]:
        """The exceptions an address asks for; raises StoreError.  Also what its CSV holds."""
        return await self._feed.run(lambda: matching(self._source, dict(query), now, NOT_AHEAD).rows(now))

    async def search(
        self, values: Sequence[str], session: Session, where_from: str
    ) -> tuple[Frame, lookup.Outcome, list[Outline]]:
        """What numbers lead to, and the first journeys of it; those are recorded; raises StoreError."""
        now = self._clock()

        def ask() -> tuple[lookup.Outcome, list[Outline]]:
            outcome = lookup.search(self._source, self._sealer, values, now)
            wanted = [] if found.straight(outcome) else outcome.journeys[: found.SHOWN]
            return outcome, self._source.outlines(wanted, now) if wanted else []

        outcome, journeys = await self._feed.run(ask)
        await self.record(session, "search", outcome.journeys[: found.SHOWN], where_from)
        return Frame(now, self._settings.tz, self._settings.site, "/", {}), outcome, journeys

    async def record(
        self, session: Session, action: str, journeys: Sequence[str], where_from: str, why: str = ""
    ) -> None:
        """Writes who looked at which journeys; raises StoreError, and then nothing may be shown."""
        now = self._clock()
        looks = [Look(now, session.who, session.role, action, each, why, where_from) for each in journeys]
        if looks:
            await self._feed.run(self._source.record, looks)

    async def journey(self, journey: str) -> Snapshot[encounter.Known | None]:
        """A journey with all that its page shows, shared between everybody who has it open."""

        def ask(now: datetime) -> encounter.Known | None:
            found = self._source.journey(journey, now)
            if found is None:
                return None
            own = {journey, found.journey, *(key.token for key in found.keys)}
            said = identity.concerning(self._source.history(sorted(own)), own)
            theirs = {token for one in said for token in (one.from_token, one.to_token, one.subject_token)}
            return encounter.Known(
                found,
                self._source.sentence(found, now),
                self._source.lineage(found),
                said,
                self._source.named(sorted((own | theirs) - {""})),
                self._source.kept(found.trace_ids),
            )

        return await self._feed.get(("journey", journey), _ENCOUNTER.refresh_s, ask)

    async def _board(self, frame: Frame, place: Place) -> Shown:
        facility = frame.query.get("facility")
        limit = self._settings.attention_limit
        shot = await self._feed.get(
            ("board", facility),
            place.refresh_s,
            lambda now: (
                self._source.tiles(now, AHEAD),
                self._source.watched(now, limit, None, facility, AHEAD, fresh=board.FRESH),
                self._source.interfaces(now),
                self._source.facilities(),
            ),
            AHEAD.total_seconds(),
        )
        if shot.value is None:
            return self._away(shot.error, frame)
        known, watched, lines, facilities = shot.value
        moment = moment_of(shot, frame.now)
        tiles = [tile.at(moment) for tile in known]
        rows = await self._feed.run(watched.rows, moment)
        body = board.view(frame, tiles, rows, lines, facilities, limit)
        return self._shown(body, board.title(tiles), shot.taken_at, shot.error, place)

    async def _exceptions(self, frame: Frame, place: Place) -> Shown:
        query = dict(frame.query)
        shot = await self._feed.get(
            ("exceptions", *sorted(query.items())),
            place.refresh_s,
            lambda now: (matching(self._source, query, now, AHEAD), self._source.tiles(now, AHEAD)),
            AHEAD.total_seconds(),
        )
        if shot.value is None:
            return self._away(shot.error, frame)
        watched, known = shot.value
        moment = moment_of(shot, frame.now)
        tiles = [tile.at(moment) for tile in known]
        rows = await self._feed.run(watched.rows, moment)
        body = exceptions.view(frame, rows, tiles, LIST_LIMIT)
        return self._shown(body, "Exceptions · Caretrail", shot.taken_at, shot.error, place)

    async def _interfaces(self, frame: Frame, place: Place) -> Shown:
        shot = await self._feed.get("interfaces", place.refresh_s, self._source.interfaces)
        if shot.value is None:
            return self._away(shot.error, frame)
        engines = await self._feed.get("engines", place.refresh_s, self._source.engines)
        body = interfaces.view(frame, shot.value, engines.value or ())
        return self._shown(body, "Interfaces · Caretrail", shot.taken_at, shot.error, place)

    async def _executive(self, frame: Frame, place: Place) -> Shown:
        days = self._settings.executive_days
        shot = await self._feed.get(
            "executive", place.refresh_s, lambda now: self._source.executive(now, days)
        )
        if shot.value is None:
            return self._away(shot.error, frame)
        body = executive.view(frame, shot.value)
        return self._shown(body, "Executive · Caretrail", shot.taken_at, shot.error, place)

    async def _objectives(self, frame: Frame, place: Place) -> Shown:
        shot = await self._feed.get("objectives", place.refresh_s, self._source.objectives)
        if shot.value is None:
            return self._away(shot.error, frame)
        body = objectives.view(frame, shot.value)
        return self._shown(body, "Objectives · Caretrail", shot.taken_at, shot.error, place)

    async def _reconciliation(self, frame: Frame, place: Place, session: Session, where_from: str) -> Shown:
        shot = await self.reconciled(frame.query, place.refresh_s)
        if shot.value is None:
            return self._away(shot.error, frame)
        known, named = shot.value
        operations = session.may(_OPERATIONS)
        listed = operations and any(report.differences for report in known.reports)
        if listed and not await self._recorded(session, "", where_from, "list_reconciliation"):
            return self._unrecorded()
        body = reconciliation.view(frame, known, self._masked(named), operations)
        return self._shown(body, "Reconciliation · Caretrail", shot.taken_at, shot.error, place)

    async def _workflows(self, frame: Frame, place: Place, session: Session, where_from: str) -> Shown:
        asked = dict(frame.query)
        shot = await self._feed.get(
            knowing.key(asked), place.refresh_s, lambda now: knowing.ask(self._source, asked, now)
        )
        if shot.value is None:
            return self._away(shot.error, frame)
        found = shot.value.conformance
        named = found is not None and any(one.examples for one in found.deviations)
        if named and not await self._recorded(session, "", where_from, "list_deviations"):
            return self._unrecorded()
        body = workflows.view(frame, shot.value)
        return self._shown(body, "Workflows · Caretrail", shot.taken_at, shot.error, place)

    async def reconciled(self, query: Mapping[str, str], age_s: float) -> Snapshot[reconciling.Asked]:
        """What an address of the reconciliation page asks for; also what its CSV holds."""
        asked = dict(query)
        return await self._feed.get(
            reconciling.key(asked), age_s, lambda now: reconciling.ask(self._source, asked, now)
        )

    async def _admin(self, frame: Frame, place: Place) -> Shown:
        doctor = self._doctor
        # The doctor answers from its own process: when the store is away, what it says matters most.
        health = await self._feed.get("doctor", place.refresh_s, lambda _: doctor() if doctor else ())
        shot = await self._feed.get(
            "admin",
            place.refresh_s,
            lambda _: (
                self._source.definitions(),
                self._source.audited(30),
                self._source.collisions(collisions.LIMIT),
            ),
        )
        definitions, looks, doubts = shot.value or (None, None, None)
        body = admin.view(frame, health.value or (), definitions, looks, doubts)
        return self._shown(body, "Administration · Caretrail", shot.taken_at, shot.error, place)

    async def _collisions(self, frame: Frame, session: Session, where_from: str) -> Shown:
        shot = await self._feed.get("collisions", _COLLISIONS.refresh_s, self._in_doubt)
        if shot.value is None:
            return self._away(shot.error, frame)
        if not await self._recorded(session, "", where_from, "list_collisions"):
            return self._unrecorded()
        doubts, named, said = shot.value
        # What carried placeholders is read rarely: there is no quick way to a message by its span.
        blank = await self._feed.get("blank", _RARELY_S, lambda _: self._source.blank_messages(doubts))
        messages = blank.value or []
        keys = self._masked(named)
        body = collisions.view(frame, doubts, named, keys, messages, said, session.may(DECIDE))
        return self._shown(body, "Key collisions · Caretrail", shot.taken_at, shot.error, _COLLISIONS)

    def _in_doubt(self, _now: datetime) -> tuple[list[Collision], dict[str, Named], list[IdentityEvent]]:
        doubts = self._source.collisions(collisions.LIMIT)
        evidence = sorted({token for one in doubts if one.why != "blank" for token in one.evidence})
        named = self._source.named(sorted({one.token for one in doubts} | set(evidence)))
        patients = [token for token in evidence if token in named and named[token].kind == "mrn"]
        return doubts, named, self._source.history(patients)

    async def _encounter(self, frame: Frame, journey: str, session: Session, where_from: str) -> Shown:
        shot = await self.journey(journey)
        if shot.taken_at is None:
            return self._away(shot.error, frame)
        if shot.value is None:
            return self._shown(
                encounter.absent(journey), "Encounter · Caretrail", shot.taken_at, shot.error, _ENCOUNTER
            )
        if not await self._recorded(session, journey, where_from):
            return self._unrecorded()
        known = shot.value
        body = encounter.view(frame, known, self._masked(known.named), session.may(DECIDE))
        return self._shown(body, encounter.title(known.journey), shot.taken_at, shot.error, _ENCOUNTER)

    def _unrecorded(self) -> Shown:
        return _plain(
            "This look cannot be recorded",
            "Encounters are shown only when who looked can be written down, which the store refuses "
            "now. This page tries again by itself.",
            self._clock(),
        )

    async def _recorded(
        self, session: Session, journey: str, where_from: str, action: str = "view_encounter"
    ) -> bool:
        """A page that refreshes is one look for a quarter of an hour, then another."""
        now = self._clock()
        before = self._looked.get((session.who, journey, action))
        if before is not None and now - before < _LOOK_AGAIN:
            return True
        try:
            await self.record(session, action, [journey], where_from)
        except Exception as error:
            log.warning("a look at an encounter could not be recorded: %s", type(error).__name__)
            return False
        if len(self._looked) > 10_000:
            self._looked.clear()
        self._looked[session.who, journey, action] = now
        return True

    def _masked(self, named: Mapping[str, Named]) -> dict[str, MaskedKey]:
        return masked(named, self._sealer, self._settings.key_fields)

    def _shown(
        self, body: Component, title: str, taken_at: datetime | None, error: str, place: Place
    ) -> Shown:
        return Shown(body, title, taken_at, self._settings.promise_s + place.refresh_s, error)

    def _away(self, error: str, frame: Frame) -> Shown:
        return Shown(board.unavailable(error), "No data · Caretrail", None, self._settings.promise_s, error)


def _plain(headline: str, advice: str, now: datetime) -> Shown:
    body = html.Div([html.H1(headline, className="for-readers"), components.nothing(headline, advice)])
    return Shown(body, f"{headline} · Caretrail", now, 3600.0)
