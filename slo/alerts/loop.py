"""The alert loop: look, judge, follow, log, tell. The core calls `step` every few seconds from one thread.

Must never let a store or a receiver that is away lose a start or a clear: what could not be told or logged is
kept and tried again at the next step.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from slo.alerts import conditions, log
from slo.alerts.conditions import ConditionSettings
from slo.alerts.delivery.http import DeliveryError
from slo.alerts.model import Notice, Watch
from slo.alerts.observations import Doubt, EngineTrouble, InterfaceActivity, Observations
from slo.alerts.observe import observe_doubts, observe_engines, observe_interfaces, observe_steps
from slo.alerts.states import Timing, advance, freeze
from slo.objectives import ObjectiveStatus, status
from tracing.store import Store, StoreError

#: Notices kept for a receiver that is away, the newest of them when there are more.
_KEPT = 10_000

logger = logging.getLogger(__name__)


class Delivery(Protocol):
    """A receiver of notices; raises DeliveryError when it could not be told."""

    def deliver(self, notices: Sequence[Notice], now: datetime) -> None: ...


@dataclass(frozen=True)
class LoopSettings:
    """`look_back`: encounters in trouble for longer no longer hold an alert up (they stay on the pages);
    `slow_every`: how often interfaces, objectives, key collisions and engines are looked at.
    """

    conditions: ConditionSettings = field(default_factory=ConditionSettings)
    timing: Timing = field(default_factory=Timing)
    look_back: timedelta = timedelta(days=1)
    slow_every: timedelta = timedelta(seconds=30)


class Loop:
    """Follows alerts over one store handle; `delivery` None only logs."""

    def __init__(self, store: Store, delivery: Delivery | None, settings: LoopSettings) -> None:
        self._store, self._delivery, self._settings = store, delivery, settings
        self._watch = Watch()
        self._restored = False
        self._slow_at: datetime | None = None
        self._interfaces: tuple[InterfaceActivity, ...] = ()
        self._objectives: tuple[ObjectiveStatus, ...] = ()
        self._doubts: tuple[Doubt, ...] = ()
        self._engines: tuple[EngineTrouble, ...] = ()
        self._untold: list[Notice] = []
        self._unlogged: list[Notice] = []

    @property
    def watch(self) -> Watch:
        """What is followed now."""
        return self._watch

    def step(self, now: datetime) -> list[Notice]:
        """One look at `now`; returns the notices that were new with it, told or not."""
        timing = self._settings.timing
        try:
            if not self._restored:
                before = log.restore(self._store, now)
                self._watch, self._restored = Watch({**before.tracked, **self._watch.tracked}), True
            alerts = conditions.evaluate(self._observe(now), self._settings.conditions, now)
            self._watch, notices = advance(self._watch, alerts, timing, now)
        except StoreError as error:
            logger.warning("alerts are frozen, the store cannot be asked: %s", error)
            known = [
                conditions.store_away(self._settings.conditions),
                conditions.heartbeat(self._settings.conditions),
            ]
            self._watch, notices = freeze(self._watch, known, timing, now)
        self._log(notices, now)
        self._tell(notices, now)
        return notices

    def _observe(self, now: datetime) -> Observations:
        if self._slow_at is None or now - self._slow_at >= self._settings.slow_every:
            self._interfaces = observe_interfaces(self._store, now, self._settings.conditions.silent_after)
            self._objectives = tuple(status(self._store, now))
            self._doubts = observe_doubts(self._store, now)
            self._engines = observe_engines(self._store, now, self._settings.conditions.maintenance)
            self._slow_at = now
        steps = observe_steps(self._store, now, self._settings.look_back)
        return Observations(steps, self._interfaces, self._objectives, self._doubts, self._engines)

    def _log(self, notices: Sequence[Notice], now: datetime) -> None:
        self._unlogged += [notice for notice in notices if notice.event != "firing"]
        try:
            log.record(self._store, self._unlogged, now)
        except StoreError as error:
            logger.warning("%d alert events wait to be logged: %s", len(self._unlogged), error)
        else:
            self._unlogged = []

    def _tell(self, notices: Sequence[Notice], now: datetime) -> None:
        if self._delivery is None:
            return
        # A newer word on the same alert replaces an untold "still firing", never a start or a clear.
        waiting = [notice for notice in self._untold if notice.event != "firing"]
        batch = [*waiting, *notices]
        try:
            self._delivery.deliver(batch, now)
        except DeliveryError as error:
            logger.warning("%d alert notices wait to be delivered: %s", len(batch), error)
            self._untold = batch[-_KEPT:]
        else:
            self._untold = []
