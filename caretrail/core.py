"""The core: receiver and log, writer, identity, evaluation, alerts and pages, in one process with threads.

Built by `caretrail up` and the single roles. Every thread has its own store handle. Stopping seals and keeps
what was accepted; what is not in the store yet is there at the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from opentelemetry.trace import Tracer

from caretrail import checkpoint_api, health, telemetry
from caretrail.instance import CannotStart, lock, prepare_folder, secret_file
from caretrail.loops import Loop
from caretrail.settings import Configuration, split_address
from collector.engines.config import EngineConfig
from collector.engines.follow import Follower
from collector.engines.poller import Poller
from collector.receiver import HttpServer, Limits, Metrics, create_app, serve_http
from collector.receiver import grpc as otlp_grpc
from collector.taps.config import Interface, MllpInterface, TapConfigError
from collector.wal import Wal, Writer, sizes
from dashboard import DashboardSettings, Gate
from dashboard import create_app as create_pages
from slo import alerts, objectives
from slo.workflows import Evaluator, activate_all, packs
from slo.workflows.history import History
from tracing.authorities import Authorities
from tracing.clocks import Clocks
from tracing.context import SiteKey, SiteKeyError
from tracing.identity import Resolver, Rules
from tracing.keys import Sealer
from tracing.protocols import hl7v2_names
from tracing.store import Store, StoreError, open_store
from tracing.store.retention import keep_bodies

log = logging.getLogger(__name__)

_IDENTITY_EVERY_S = 0.8
_EVALUATION_EVERY_S = 0.5
_DURABLE_S = 30.0
_HISTORY_EVERY_S = 1.0
_CLOCKS_EVERY_S = 10.0
_ENGINES_EVERY_S = 0.5  # each decides itself when it is time to ask


class Core:
    """One process of the core. `roles`: any of collector, evaluate, dashboard."""

    def __init__(self, configuration: Configuration, roles: frozenset[str]) -> None:
        self._configuration = configuration
        self._settings = configuration.settings
        self._roles = roles
        self._stops: list[Callable[[], object]] = []
        self._counters = Metrics()
        self.loops: list[Loop] = []
        self.wal: Wal | None = None
        self.writer: Writer | None = None

    def start(self) -> None:
        """Raises CannotStart, with everything already started stopped again."""
        try:
            self._start()
        except (StoreError, SiteKeyError) as error:
            self.stop()
            raise CannotStart(str(error)) from None
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
            parts.append(f"pages on http://{self._settings.dashboard.listen} (a link: caretrail login)")
        return "; ".join(parts)

    def _start(self) -> None:
        if (folder := self._configuration.store_folder) is not None:
            held = lock(prepare_folder(folder.parent), f"{folder.name}.lock")
            self._stops.append(held.close)
        site_key = SiteKey.load(self._configuration.path(self._settings.site.key_file))
        store = open_store(self._configuration.store_url)
        self._stops.append(store.close)
        store.migrate()
        keep_bodies(store, self._settings.store.body_days)
        now = datetime.now(UTC)
        shipped = packs.shipped()
        files = [shipped.get(name) or self._document(name, shipped) for name in self._settings.workflows]
        # A version that somebody activated since is not undone by the file it took the place of.
        activate_all(store, files, now, supersede=False)
        known = objectives.shipped()
        chosen = [
            name if name in known else self._document(name, known) for name in self._settings.objectives
        ]
        objectives.activate(store, chosen, now)
        if "collector" in self._roles:
            self._start_collector(store, site_key)
        if "evaluate" in self._roles:
            self._start_evaluation(store)
        if "dashboard" in self._roles:
            self._start_dashboard(store, site_key)

    def _runbooks(self) -> Iterator[Path]:
        """Folders of runbooks beside the site's own workflows."""
        shipped = packs.shipped()
        for name in self._settings.workflows:
            if name not in shipped:
                yield self._configuration.path(name).parent / packs.RUNBOOKS

    def _document(self, name: str, shipped: Iterable[str]) -> Path:
        """A document by its path. Raises CannotStart when there is none."""
        path = self._configuration.path(name)
        if not path.is_file():
            raise CannotStart(f"{name!r} is neither shipped ({', '.join(sorted(shipped))}) nor a file")
        return path

    def _serve(self, what: str, app: Any, address: str, remedy: str, *, lifespan: bool = False) -> None:
        try:
            server: HttpServer = serve_http(app, *split_address(address), lifespan=lifespan)
        except OSError as error:
            raise CannotStart(f"{error.strerror or error} ({what}). {remedy}") from None
        self._stops.append(server.stop)

    def _sealer(self, site_key: SiteKey) -> Sealer:
        return Sealer(site_key, Authorities(self._settings.identity))

    def _start_collector(self, store: Store, site_key: SiteKey) -> None:
        given = self._settings.collector
        limits = Limits(body_bytes=given.body_limit, inflated_bytes=given.body_limit)
        self.wal = Wal(
            self._configuration.path(given.wal),
            segment_bytes=given.wal_segment or sizes.segment_bytes(sizes.memory_bytes()),
            limit_bytes=given.wal_limit,
        )
        self._stops.append(self.wal.close)
        self.writer = Writer(self.wal, store)
        self.writer.start()
        self._stops.append(self.writer.stop)
        if given.grpc is not None:
            try:
                served = otlp_grpc.serve(self.wal, given.grpc, limits, counters=self._counters)
            except OSError as error:
                raise CannotStart(f"{error.strerror or error}. Change collector.grpc.") from None
            self._stops.append(served.stop)
        app = create_app(
            self.wal, limits, self._sealer(site_key), writer=self.writer, counters=self._counters
        )
        self._serve("OTLP", app, given.http, "Change collector.http in the settings.")
        for engine in self._settings.engines:
            handle = store.handle()
            self._stops.append(handle.close)
            try:
                poller = self._poller(engine.beside(self._configuration.folder), handle, self.wal, site_key)
            except TapConfigError as error:
                raise CannotStart(str(error)) from None
            loop = Loop(f"engine {engine.name}", poller.step, _ENGINES_EVERY_S)
            loop.start()
            self._stops.append(loop.stop)
            self.loops.append(loop)

    def _poller(self, engine: EngineConfig, handle: Store, wal: Wal, site_key: SiteKey) -> Poller:
        if engine.messages is None:
            return Poller(engine, handle)
        folder = self._configuration.path(self._settings.collector.wal).parent / "engines"
        follower = Follower(
            engine.name,
            engine.messages,
            self._sealer(site_key),
            lambda body: wal.append(body).result(_DURABLE_S),
            folder / f"{engine.name}.json",
        )
        return Poller(engine, handle, follower=follower)

    def _start_evaluation(self, store: Store) -> None:
        identity, evaluation, learning, conditions, clocks = (store.handle() for _ in range(5))
        history = History(learning)
        url = self._settings.alerts.alertmanager
        delivery = alerts.AlertmanagerDelivery(url, self._settings.site.id) if url else None
        teller = alerts.Loop(conditions, delivery, self._alert_settings())
        tracer = self._tracer()
        # Where several cores may have one store, one of them works and the others stand by.
        shares = not identity.capabilities.one_process
        resolver = Resolver(identity, Rules.of(self._settings.identity), shares=shares)
        for handle, loop in (
            (identity, Loop("identity", resolver.step, _IDENTITY_EVERY_S, tracer)),
            (
                evaluation,
                Loop("evaluation", Evaluator(evaluation, history).step, _EVALUATION_EVERY_S, tracer),
            ),
            (learning, Loop("history", history.step, _HISTORY_EVERY_S, tracer)),
            (conditions, Loop("alerts", teller.step, self._settings.alerts.every_seconds, tracer)),
            (clocks, Loop("clocks", Clocks(clocks).step, _CLOCKS_EVERY_S, tracer)),
        ):
            self._stops.append(handle.close)
            loop.start()
            self._stops.append(loop.stop)
            self.loops.append(loop)

    def _tracer(self) -> Tracer | None:
        endpoint = self._settings.telemetry.endpoint
        if endpoint is None:
            return None
        tracer, stop = telemetry.start(endpoint, "evaluate", self._settings.site.id)
        self._stops.append(stop)
        return tracer

    def _alert_settings(self) -> alerts.LoopSettings:
        link = self._settings.dashboard.public_url or f"http://{self._settings.dashboard.listen}"
        return alerts.LoopSettings(conditions=alerts.ConditionSettings(link=link))

    def _start_dashboard(self, store: Store, site_key: SiteKey) -> None:
        given = self._settings.dashboard
        token = secret_file(self._configuration.path(given.api_token_file))
        # From the site key, so that a restart ends nobody's session.
        gate = Gate(secret=site_key.subkey("caretrail/v1/session"), api_token=token)
        probe = store.handle()
        self._stops.append(probe.close)
        state = health.Health(self, probe)
        settings = DashboardSettings(
            site=self._settings.site.name,
            zone=self._settings.site.timezone,
            version=version("caretrail"),
            key_fields=key_fields(self._settings.interfaces),
            runbooks=tuple(self._runbooks()),
        )
        link = given.public_url or f"http://{given.listen}"
        routers = [health.router(state, self._counters), health.login_router(gate, link)]
        if self.wal is not None:
            routers.append(checkpoint_api.router(self.wal, self._sealer(site_key), self._counters))
        sealer = self._sealer(site_key)
        app = create_pages(store, settings, sealer, gate=gate, doctor=state.checks, routers=routers)
        self._serve("the pages", app, given.listen, "Choose another with --port.", lifespan=True)


def key_fields(interfaces: Iterable[Interface]) -> dict[str, str]:
    """By kind of key, the HL7 v2 fields it is read from with the names the standard gives them."""
    found: dict[str, list[str]] = {}
    for interface in interfaces:
        if isinstance(interface, MllpInterface):
            for key in interface.keys:
                text = f"{key.path} {hl7v2_names.describe(key.path, interface.hl7_version)}"
                if text not in found.setdefault(key.kind, []):
                    found[key.kind].append(text)
    return {kind: ", ".join(texts) for kind, texts in found.items()}
