"""Ordered lanes between two systems: one message at a time, the next after the answer.

A system puts deliveries on a lane and is told each answer; it says whether the lane is to try again. In
history the lane is virtual and calls its peer directly; live lanes use sockets (`live_lanes`).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from math import log
from typing import Protocol

from simulator.agenda import Agenda
from simulator.hops import Answer, Delivery, Witness, exchanged

Answered = Callable[[Delivery, Answer], float | None]
"""Told an answer; gives seconds after which the lane repeats the delivery, or None to go on to the next."""

Peer = Callable[[Delivery, float], Answer | None]
"""What the other side does with a delivery at a time; None is no answer."""


class Lane(Protocol):
    """Where a system puts what it sends."""

    def put(self, delivery: Delivery) -> None: ...


class Switch:
    """A lane that can be exchanged under its system: virtual in history, a socket afterwards."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane

    def put(self, delivery: Delivery) -> None:
        self.lane.put(delivery)


class VirtualLane:
    """A lane in history: latency is drawn, the peer is a function, hops go to the witness."""

    def __init__(
        self,
        agenda: Agenda,
        peer: Peer,
        answered: Answered,
        witness: Witness,
        dice: random.Random,
        latency: float,
    ) -> None:
        self._agenda, self._peer, self._answered, self._witness = agenda, peer, answered, witness
        self._dice, self._latency = dice, log(latency)
        self._waiting: deque[Delivery] = deque()
        self._closed = False

    def put(self, delivery: Delivery) -> None:
        self._waiting.append(delivery)
        if len(self._waiting) == 1:
            self._begin()

    def close(self) -> list[Delivery]:
        """Stop; what was not answered yet, in order, for the lane that takes over."""
        self._closed = True
        return list(self._waiting)

    def _begin(self) -> None:
        if self._closed:
            return
        start = self._agenda.now
        took = min(max(self._dice.lognormvariate(self._latency, 0.4), 0.001), 2.0)
        self._agenda.at(start + took, lambda: self._finish(start))

    def _finish(self, start: float) -> None:
        if self._closed:
            return
        delivery, now = self._waiting[0], self._agenda.now
        delivery.attempts += 1
        answer = self._peer(delivery, now)
        self._witness.hop(exchanged(delivery, start, now, answer))
        again = 1.0 if answer is None else (delivery.told or self._answered)(delivery, answer)
        if again is not None:
            self._agenda.at(now + again, self._begin)
            return
        self._waiting.popleft()
        if self._waiting:
            self._begin()
