"""The tap of an MLLP interface: in line, or as a sink.

Called by `kinds`.
"""

from __future__ import annotations

from collector.taps.config import MllpInterface, parse_address
from collector.taps.mllp import MllpCounters, MllpWatcher
from collector.taps.mllp_context import ContextWatcher
from collector.taps.mllp_sink import MllpSink
from collector.taps.observe_hl7 import Hl7Observer
from collector.taps.proxy import Proxy, secured
from collector.taps.relay import Relay, Watcher
from collector.taps.tap import Ground, Tap


def mount(interface: MllpInterface, ground: Ground) -> Tap:
    """The tap of an MLLP interface."""
    if interface.mode == "sink" or interface.upstream is None:
        return MllpSink(
            interface, secured(interface), Hl7Observer(interface, ground.keys, ground.spool), ground
        )
    observer = Hl7Observer(interface, ground.keys, ground.turn)
    counters = MllpCounters()
    rewrites = interface.context != "none"
    kind = ContextWatcher if rewrites else MllpWatcher

    def watcher() -> Watcher:
        return kind(interface, observer, counters, ground.awaiting)

    relay = Relay(
        interface.name,
        parse_address(interface.upstream),
        watcher,
        ground.turn,
        secured=secured(interface),
        rewrites=rewrites,
        units=lambda data: data.count(b"\x1c"),
    )
    return Proxy(interface, relay, counters, lambda: observer.unseen)
