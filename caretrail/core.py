"""The core: receiver and log, writer, identity, evaluation, alerts and pages, in one process with threads.

Built by `caretrail up` and the single roles. Every thread has its own store handle. Stopping seals and keeps
what was accepted; what is not in the store yet is there at the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from caretrail.instance import bind, lock, prepare_folder, secret_file
from caretrail.loops import Loop
from caretrail.serving import Server
from caretrail.settings import Configuration, split_address
from collector.receiver import Limits, create_app
from collector.receiver import grpc as otlp_grpc
from collector.wal import Wal, Writer
from slo import alerts, objectives, workflows
from tracing.context import SiteKey
from tracing.identity import Resolver
from tracing.keys import Sealer
from tracing.store import Store, open_store

log = logging.getLogger(__name__)

_IDENTITY_EVERY_S = 0.5
_EVALUATION_EVERY_S = 0.5


class Core:
    """One process of the core. `roles`: any of collector, evaluate, dashboard."""

    def __init__(
        self, configuration: Configuration, roles: frozenset[str], one_time_token: str | None = None
    ) -> None:
        self._configuration = configuration
        self._settings = configuration.settings
        self._roles = roles
        self._one_time_token = one_time_token
        self._stops: list[Callable[[], object]] = []
        self.loops: list[Loop] = []
        self.wal: Wal | None = None
        self.writer: Writer | None = None

    def start(self) -> None:
        """Raises CannotStart, with everything already started stopped again."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """In the opposite order of the start, whatever was reached."""
        while self._stops:
            stop = self._stops.pop()
            try:
                stop()
            except Exception as error:
                log.error("while stopping: %s", type(error).__name__)

    def describe(self) -> str:
        """One line for the terminal: what is served where."""
        parts = []
        if "collector" in self._roles:
            addresses = (self._settings.collector.http, self._settings.collector.grpc)
            parts.append("OTLP on " + " and ".join(address for address in addresses if address))
        if "evaluate" in self._roles:
            parts.append("evaluating " + ", ".join(self._settings.workflows))
        if "dashboard" in self._roles:
            parts.append(f"pages on http://{self._settings.dashboard.listen}")
        return "; ".join(parts)

    def _start(self) -> None:
        folder = prepare_folder(self._configuration.folder)
        if self._configuration.store_url.startswith("chdb:"):
            held = lock(folder, "core.lock")
            self._stops.append(held.close)
        listeners = self._bind()
        site_key = SiteKey.load(self._configuration.path(self._settings.site.key_file))
        store = open_store(self._configuration.store_url)
        self._stops.append(store.close)
        store.migrate()
        workflows.activate_all(store, self._settings.workflows, self._configuration.folder, datetime.now(UTC))
        if "collector" in self._roles:
            self._start_collector(store, site_key, listeners)
        if "evaluate" in self._roles:
            self._start_evaluation(store)
        if "dashboard" in self._roles:
            self._start_dashboard(store, Sealer(site_key), listeners["pages"])

    def _bind(self) -> dict[str, Any]:
        listeners = {}
        if "collector" in self._roles:
            host, port = split_address(self._settings.collector.http)
            listeners["otlp"] = bind(host, port, "OTLP", "Change collector.http in the settings.")
            self._stops.append(listeners["otlp"].close)
        if "dashboard" in self._roles:
            host, port = split_address(self._settings.dashboard.listen)
            listeners["pages"] = bind(host, port, "the pages", "Change dashboard.listen, or use --port.")
            self._stops.append(listeners["pages"].close)
        return listeners

    def _start_collector(self, store: Store, site_key: SiteKey, listeners: dict[str, Any]) -> None:
        given = self._settings.collector
        limits = Limits(body_bytes=given.body_limit)
        self.wal = Wal(self._configuration.path(given.wal), limit_bytes=given.wal_limit)
        self._stops.append(self.wal.close)
        self.writer = Writer(self.wal, store)
        self.writer.start()
        self._stops.append(self.writer.stop)
        if given.grpc is not None:
            grpc_server = otlp_grpc.serve(self.wal, given.grpc, limits)
            self._stops.append(grpc_server.stop)
        server = Server("receiver", create_app(self.wal, limits, Sealer(site_key)), listeners["otlp"])
        server.start()
        self._stops.append(server.stop)

    def _start_evaluation(self, store: Store) -> None:
        identity, evaluation, conditions = store.handle(), store.handle(), store.handle()
        resolver = Resolver(identity)
        evaluator = workflows.Evaluator(evaluation)
        teller = alerts.Loop(conditions, self._delivery(), self._settings.dashboard.public_url or "")
        for handle, loop in (
            (identity, Loop("identity", resolver.step, _IDENTITY_EVERY_S)),
            (evaluation, Loop("evaluation", evaluator.step, _EVALUATION_EVERY_S)),
            (conditions, Loop("alerts", teller.step, self._settings.alerts.every_seconds)),
        ):
            self._stops.append(handle.close)
            loop.start()
            self._stops.append(loop.stop)
            self.loops.append(loop)
        objectives.load_all(self._settings.objectives, self._configuration.folder)
