"""The hospital that lives: every system in one process, on real sockets and folders, at real times.

Started by `python -m simulator live`. Passes through its history first, without a witness, so that whoever is
in flight at that moment is carried on.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass

from simulator.agenda import Clock
from simulator.config import Config
from simulator.doors import Hl7Door
from simulator.folders import FolderWatch, write_whole
from simulator.hops import BILLING, CLAIMS_IN, CLAIMS_OUT, EHR_ADT, ERP, Nobody, Relay, Witness
from simulator.hospital import Hospital
from simulator.listeners import HttpListener, Listener, MllpListener
from simulator.live_lanes import HttpLane, MllpLane, SocketLane
from simulator.roads import ROADS
from simulator.truth import TruthAppender

_LOOK_SECONDS = 0.5
#: What is on its way when the hospital closes is waited for so long, in real seconds.
_LAST_ANSWERS_S = 2.0


@dataclass(slots=True)
class Living:
    """The parts of a running hospital, for tests that break them."""

    hospital: Hospital
    lanes: dict[str, SocketLane]
    listeners: dict[str, Listener]


def prepare(config: Config) -> tuple[Hospital, Relay]:
    """A hospital at the end of its history. Takes a second or two for a month; opens nothing."""
    relay = Relay(Nobody())
    hospital = Hospital(config.population, relay)
    hospital.run_history()
    return hospital, relay


async def live(
    config: Config,
    prepared: tuple[Hospital, Relay],
    stop: asyncio.Event,
    opened: asyncio.Future[Living] | None = None,
    clock: Clock | None = None,
    witness: Witness | None = None,
) -> None:
    """Live until `stop`. `opened` gets the parts once everything listens; `witness` replaces the truth file.

    Raises OSError when an address is taken or a folder cannot be written.
    """
    hospital, relay = prepared
    clock = clock or Clock()
    with ExitStack() as files:
        if witness is not None:
            relay.to = witness
        elif config.truth is not None:
            config.truth.parent.mkdir(parents=True, exist_ok=True)
            out = files.enter_context(config.truth.open("a"))
            relay.to = TruthAppender(out, hospital.book.encounters, hospital.book.others)
        folders = {CLAIMS_OUT: config.claims_out, CLAIMS_IN: config.claims_in, **config.folders}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        hospital.write_file = lambda interface, name, data: write_whole(folders[interface], name, data)
        listeners: dict[str, Listener] = {
            "engine": MllpListener(hospital.engine.receive),
            "billing": MllpListener(hospital.billing.receive),
            "erp": HttpListener(hospital.erp.answer),
        }
        addresses = {
            "engine": config.engine_listen,
            "billing": config.billing_listen,
            "erp": config.erp_listen,
        }
        for name, door in hospital.site.doors.items() if hospital.site else ():
            if name in config.doors and name not in listeners:
                addresses[name] = config.doors[name]
                listeners[name] = (
                    MllpListener(door.receive) if isinstance(door, Hl7Door) else HttpListener(door.answer)
                )
        try:
            for name, listener in listeners.items():
                await listener.listen(addresses[name])
            await _work(config, hospital, relay, clock, listeners, stop, opened)
        finally:
            for listener in listeners.values():
                await listener.close()


async def _work(
    config: Config,
    hospital: Hospital,
    witness: Witness,
    clock: Clock,
    listeners: dict[str, Listener],
    stop: asyncio.Event,
    opened: asyncio.Future[Living] | None,
) -> None:
    lanes: dict[str, SocketLane] = {}
    addresses = {
        EHR_ADT: config.ehr_to_engine,
        BILLING: config.engine_to_billing,
        ERP: config.engine_to_erp,
        **config.roads,
    }
    for name, address in addresses.items():
        if name not in hospital.answered:
            continue
        kind = MllpLane if ROADS[name].kind == "mllp" else HttpLane
        answered = hospital.answered[name]
        lane = kind(address, answered, witness, clock, config.answer_timeout, config.reconnect_seconds)
        lanes[name] = lane
        hospital.connect(name, lane)
    folders = {CLAIMS_OUT: config.claims_out, **config.folders}
    watches = [FolderWatch(folders[road], receive) for road, receive in hospital.receivers.items()]
    work = [
        asyncio.create_task(hospital.agenda.run_live(clock)),
        *(asyncio.create_task(watch.run(clock.real(_LOOK_SECONDS))) for watch in watches),
    ]
    sending = [asyncio.create_task(lane.run()) for lane in lanes.values()]
    if opened is not None:
        opened.set_result(Living(hospital, lanes, listeners))
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([stopping, *work, *sending], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        for task in work:
            task.cancel()
        for each in lanes.values():
            each.end()
        await asyncio.wait(sending, timeout=_LAST_ANSWERS_S)
    finally:
        for task in (stopping, *work, *sending):
            task.cancel()
        await asyncio.gather(stopping, *work, *sending, return_exceptions=True)
