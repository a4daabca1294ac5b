"""The tap of an HTTP interface.

Called by `kinds`.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from collector.taps.config import HttpInterface
from collector.taps.config.tls import UpstreamTls, upstream_context
from collector.taps.http import HttpCounters, HttpWatcher
from collector.taps.http_context import StartingWatcher
from collector.taps.observe_http import HttpObserver
from collector.taps.proxy import Proxy, secured
from collector.taps.relay import Relay, Watcher
from collector.taps.tap import Ground, Tap


def mount(interface: HttpInterface, ground: Ground) -> Tap:
    """The tap of an HTTP interface."""
    observer = HttpObserver(interface, ground.keys, ground.turn)
    counters = HttpCounters()
    rewrites = interface.context != "none"
    kind = StartingWatcher if rewrites else HttpWatcher

    def watcher() -> Watcher:
        return kind(observer, counters)

    parts = urlsplit(interface.upstream)
    secure = parts.scheme == "https"
    upstream = (parts.hostname or "", parts.port or (443 if secure else 80))
    given = secured(interface)
    if secure and given.upstream is None:
        given = replace(given, upstream=upstream_context(interface.name, UpstreamTls()))
    relay = Relay(
        interface.name,
        upstream,
        watcher,
        ground.turn,
        secured=given,
        rewrites=rewrites,
        units=lambda data: data.count(b" HTTP/1."),
    )
    return Proxy(interface, relay, counters, lambda: observer.unseen)
