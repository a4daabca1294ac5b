"""The living hospital on real sockets: everything arrives, whatever happens to the connections."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator import truth
from simulator.agenda import Clock
from simulator.config import Config, Population, Rates
from simulator.hops import BILLING, EHR_ADT, ERP
from simulator.hospital import Hospital
from simulator.live import Living, live, prepare
from simulator.model import HOUR
from simulator.roads import PROCESSES, ROADS
from tests.ports import free_port
from tracing.protocols import hl7v2, mllp, x12

SPEED = 100.0
# How far the sockets may lag behind on a busy machine, in seconds of the hospital.
LAG = 200.0


def free_ports(count: int) -> list[int]:
    return [free_port() for _ in range(count)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    engine, billing, erp = (f"127.0.0.1:{port}" for port in free_ports(3))
    now = 1_767_225_600.0
    population = Population(
        seed=4, history_start=now, history_end=now, rate=0, live_rate=15_000, live_rates=Rates().times(4)
    )
    return Config(
        population=population,
        ehr_to_engine=engine,
        engine_listen=engine,
        engine_to_billing=billing,
        billing_listen=billing,
        engine_to_erp=f"http://{erp}",
        erp_listen=erp,
        claims_out=tmp_path / "claims/out",
        claims_in=tmp_path / "claims/in",
        truth=tmp_path / "truth.jsonl",
        answer_timeout=0.5,
        reconnect_seconds=0.02,
    )


class Arrivals:
    """What the receiving systems were really handed, noted at their doors."""

    def __init__(self, hospital: Hospital, patch: pytest.MonkeyPatch) -> None:
        self.control_ids: dict[str, list[str]] = {EHR_ADT: [], BILLING: []}
        self.journals: list[str] = []
        for name, system in ((EHR_ADT, hospital.engine), (BILLING, hospital.billing)):
            patch.setattr(system, "receive", self._noting(name, system.receive))
        answer = hospital.erp.answer

        def noting(method: str, path: str, body: bytes) -> tuple[int, bytes]:
            if path == "/journals":
                self.journals.append(json.loads(body)["reference"])
            return answer(method, path, body)

        patch.setattr(hospital.erp, "answer", noting)

    def _noting(self, name: str, receive: Callable[[bytes], bytes | None]) -> Callable[[bytes], bytes | None]:
        def noting(payload: bytes) -> bytes | None:
            self.control_ids[name].append(hl7v2.parse(payload).control_id)
            return receive(payload)

        return noting


async def run(
    config: Config,
    hospital: Hospital,
    relay: Any,
    seconds: float,
    meanwhile: Callable[[Living], Awaitable[None]] | None = None,
    speed: float = SPEED,
) -> float:
    """Live for some real seconds at many times the speed; the hospital's time at the end."""
    stop = asyncio.Event()
    opened = asyncio.get_running_loop().create_future()
    clock = Clock(speed, config.population.history_end)
    task = asyncio.create_task(live(config, (hospital, relay), stop, opened, clock))
    living = await asyncio.wait_for(opened, 30)
    if meanwhile is not None:
        await meanwhile(living)
    await asyncio.sleep(seconds)
    stop.set()
    await asyncio.wait_for(task, 30)
    return clock.now()


def hops(record: dict[str, Any], interface: str, outcome: str = "") -> list[dict[str, Any]]:
    found = [h for h in record["hops"] if h["interface"] == interface]
    return [h for h in found if h["outcome"] == outcome] if outcome else found


def check_arrivals(config: Config, hospital: Hospital, arrivals: Arrivals, until: float) -> int:
    """What was acknowledged has arrived, and what should have been sent by now was; how many discharges."""
    assert config.truth is not None
    told = truth.load(config.truth)
    for road in (EHR_ADT, BILLING):
        answered = {h["control_id"] for r in told.values() for h in hops(r, road) if h["outcome"] != "none"}
        assert answered <= set(arrivals.control_ids[road])
        unanswered = set(arrivals.control_ids[road]) - answered
        # Only what was under way at the moment of the end may lack its answer.
        assert len(unanswered) <= 1
    checked = 0
    for account, encounter in hospital.book.encounters.items():
        due = encounter.discharged + max(encounter.billing_delay, encounter.erp_delay) + LAG
        if due > until:
            continue
        checked += 1
        record = told[account]
        discharges = [h for h in hops(record, EHR_ADT) if h["message"] == "ADT^A03"]
        assert discharges, "the EHR forgot a discharge"
        if not any(h["outcome"] == "accepted" for h in discharges):
            assert record["fault"] == "engine_refused"
            continue
        if record["fault"] == "engine_refused":
            continue
        lost = {loss["message"] for loss in record["lost"]}
        charged = any(h["message"] == "DFT^P03" for h in hops(record, BILLING))
        assert charged != ("DFT^P03" in lost)
        posted = any(h["message"] == "POST /journals" for h in hops(record, ERP))
        assert posted != ("POST /journals" in lost)
        assert posted == (account in arrivals.journals)
        if record["fault"] == "none":
            assert any(h["message"] == "DFT^P03" for h in hops(record, BILLING, "accepted"))
            assert any(h["message"] == "POST /journals" for h in hops(record, ERP, "accepted"))
    return checked


def test_every_message_arrives_and_the_truth_is_what_arrived(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital, relay = prepare(config)
    arrivals = Arrivals(hospital, monkeypatch)
    until = asyncio.run(run(config, hospital, relay, 5))
    assert check_arrivals(config, hospital, arrivals, until) > 15
    assert config.truth is not None
    told = truth.load(config.truth)
    outcomes = Counter(h["outcome"] for r in told.values() for h in r["hops"])
    assert outcomes["none"] == 0
    assert outcomes["error"] + outcomes["rejected"] > 0


def test_claim_files_appear_whole_and_are_answered(config: Config) -> None:
    population = replace(config.population, live_rate=6000, live_rates=Rates().times(0))
    config = replace(config, population=population)
    hospital, relay = prepare(config)
    asyncio.run(run(config, hospital, relay, 5, speed=400))
    sent: dict[str, list[str]] = {}
    for path in config.claims_out.iterdir():
        (interchange,) = x12.interchanges(path.read_bytes())
        (transaction,) = interchange.transactions
        assert path.name == f"837-{interchange.isa13}.x12"
        sent[interchange.isa13] = [claim.clm01 for claim in x12.claims(transaction)]
    assert len(sent) > 3
    answers: defaultdict[str, list[str]] = defaultdict(list)
    for path in config.claims_in.iterdir():
        (interchange,) = x12.interchanges(path.read_bytes())
        (transaction,) = interchange.transactions
        answers[transaction.message] += [claim.clm01 for claim in x12.claims(transaction)]
    assert answers["999"] == []
    assert {account for accounts in sent.values() for account in accounts} >= set(answers["277CA"])
    assert answers["277CA"]
    assert config.truth is not None
    told = truth.load(config.truth)
    claimed = {account for account, r in told.items() if hops(r, "claims-out")}
    assert claimed == {account for accounts in sent.values() for account in accounts}


class BreakingProxy:
    """Forwards both ways, but breaks connections: in the middle of a message, or before its answer."""

    def __init__(self, upstream: str, every: int) -> None:
        self.host, port = upstream.split(":")
        self.port = int(port)
        self.every, self.count, self.broken = every, 0, 0
        self.delivered: Counter[str] = Counter()

    async def serve(self, address: str) -> asyncio.Server:
        host, port = address.split(":")
        return await asyncio.start_server(self._connection, host, int(port))

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self.host, self.port)
        deframer = mllp.Deframer()
        try:
            while data := await reader.read(65536):
                for frame in deframer.feed(data):
                    self.count += 1
                    if self.count % self.every == 0:
                        self.broken += 1
                        if self.broken % 2:
                            up_writer.write(frame.raw[:100])
                            return
                        up_writer.write(frame.raw)
                        await up_reader.read(65536)
                        return
                    up_writer.write(frame.raw)
                    writer.write(await up_reader.read(65536))
                    await writer.drain()
        finally:
            up_writer.close()
            writer.close()


def test_broken_connections_lose_nothing(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fifth message meets a connection that breaks before it, or after it but before its answer."""
    taps = [f"127.0.0.1:{port}" for port in free_ports(2)]
    config = replace(config, ehr_to_engine=taps[0], engine_to_billing=taps[1])
    hospital, relay = prepare(config)
    arrivals = Arrivals(hospital, monkeypatch)
    proxies = [BreakingProxy(config.engine_listen, 5), BreakingProxy(config.billing_listen, 5)]

    async def go() -> float:
        servers = [await proxy.serve(tap) for proxy, tap in zip(proxies, taps, strict=True)]
        until = await run(config, hospital, relay, 5)
        for server in servers:
            server.close()
        return until

    until = asyncio.run(go())
    assert all(proxy.broken > 5 for proxy in proxies)
    assert check_arrivals(config, hospital, arrivals, until) > 15
    assert config.truth is not None
    told = truth.load(config.truth)
    for road in (EHR_ADT, BILLING):
        found = [h for r in told.values() for h in hops(r, road)]
        unanswered = [h["control_id"] for h in found if h["outcome"] == "none"]
        assert unanswered
        answered = {h["control_id"] for h in found if h["outcome"] != "none"}
        assert len(set(unanswered) - answered) <= 1
        assert max(Counter(arrivals.control_ids[road]).values()) > 1, (
            "none was sent again after it had arrived"
        )


def test_systems_that_are_away_for_a_while_get_everything_afterwards(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital, relay = prepare(config)
    arrivals = Arrivals(hospital, monkeypatch)

    async def outage(living: Living) -> None:
        await asyncio.sleep(1.5)
        for listener in living.listeners.values():
            await listener.close()
        await asyncio.sleep(1)
        assert not all(lane.idle for lane in living.lanes.values())
        await living.listeners["engine"].listen(config.engine_listen)
        await living.listeners["billing"].listen(config.billing_listen)
        await living.listeners["erp"].listen(config.erp_listen)

    until = asyncio.run(run(config, hospital, relay, 4, outage))
    assert check_arrivals(config, hospital, arrivals, until) > 15


def test_an_acknowledgement_of_another_message_is_not_taken(config: Config) -> None:
    """A stale acknowledgement on a re-used connection must not pass for this message's."""
    seen: list[str] = []

    async def engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deframer = mllp.Deframer()
        while data := await reader.read(65536):
            for item in deframer.feed(data):
                message = hl7v2.parse(item.raw.strip(b"\x0b\x1c\r"))
                seen.append(message.control_id)
                for acknowledged in ("OTHER", message.control_id if len(seen) > 1 else "OTHER"):
                    text = f"MSH|^~\\&|E|N|EHR|N|20260101||ACK|1|P|2.5.1\rMSA|AA|{acknowledged}\r"
                    writer.write(mllp.frame(text.encode()))
        writer.close()

    async def go() -> None:
        (port,) = free_ports(1)
        server = await asyncio.start_server(engine, "127.0.0.1", port)
        # Nobody sends a discharge twice on purpose: what is seen twice was sent again.
        plain = replace(config.population, live_rates=Rates().times(0))
        other = replace(config, population=plain, ehr_to_engine=f"127.0.0.1:{port}", answer_timeout=1.5)
        await run(other, *prepare(other), 4)
        server.close()

    asyncio.run(go())
    assert len(seen) > 2
    assert seen[0] == seen[1]
    assert seen[2] != seen[1]
    assert config.truth is not None
    first = [h for r in truth.load(config.truth).values() for h in r["hops"] if h["control_id"] == seen[0]]
    assert [h["outcome"] for h in first] == ["none", "accepted"]


def test_whoever_is_in_flight_when_history_ends_is_carried_on(config: Config) -> None:
    end = config.population.history_end
    late = Rates(late=0.3)
    past = Population(seed=4, history_start=end - 4 * HOUR, history_end=end, rate=2000, rates=late)
    config = replace(config, population=past)
    hospital, relay = prepare(config)
    asyncio.run(run(config, hospital, relay, 9, speed=300))
    assert config.truth is not None
    told = truth.load(config.truth)
    charges = [r for r in told.values() if r["planned_discharge"] < end * 1e9 and hops(r, BILLING)]
    claims = [r for r in told.values() if r["planned_discharge"] < end * 1e9 and hops(r, "claims-out")]
    assert charges
    assert claims
    assert not any(h["message"] == "ADT^A03" for r in charges for h in hops(r, EHR_ADT))


def test_the_command_runs_until_it_is_told_to_stop(config: Config, tmp_path: Path) -> None:
    plan = tmp_path / "hospital.json"
    population = {"seed": 1, "rate": 0, "live_rate": 90000}
    addresses = {
        name: getattr(config, name)
        for name in ("ehr_to_engine", "engine_listen", "engine_to_billing", "billing_listen")
    }
    erp = {"engine_to_erp": config.engine_to_erp, "erp_listen": config.erp_listen}
    folders = {"claims_out": "claims/out", "claims_in": "claims/in", "truth": "truth.jsonl"}
    plan.write_text(json.dumps(population | addresses | erp | folders))
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "live", "--config", str(plan)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Hospital is open: engine 127.0.0.1:")
        deadline = time.monotonic() + 15
        told = tmp_path / "truth.jsonl"
        while told.stat().st_size == 0 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert truth.load(told)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()


def test_the_command_says_in_one_line_what_is_wrong_with_its_configuration(tmp_path: Path) -> None:
    plan = tmp_path / "hospital.json"
    plan.write_text('{"sed": 1}')
    command = [sys.executable, "-m", "simulator", "live", "--config", str(plan)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.startswith("simulator: unknown key 'sed'; known are answer_timeout,")
    assert done.stderr.count("\n") == 1


def test_the_command_writes_history(tmp_path: Path) -> None:
    paths = tmp_path / "recording.jsonl", tmp_path / "truth.jsonl"
    where = ["--recording", str(paths[0]), "--truth", str(paths[1])]
    when = ["--days", "1", "--end", "2026-03-03T14:00:00Z"]
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "history", *where, *when],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    first = json.loads(paths[0].read_text().splitlines()[0])
    assert base64.b64decode(first["request_b64"]).startswith(b"MSH|")
    assert f"{len(paths[0].read_text().splitlines())} hops" in done.stdout


def test_all_processes_live_on_sockets_and_folders(config: Config, tmp_path: Path) -> None:
    """Every road of every process carries something, and what is about one thing finds its way through."""
    more = [road for road in ROADS.values() if road.process]
    served = sorted({road.door for road in more if road.door not in ("", "engine", "erp")})
    population = replace(
        config.population, live_rate=150, live_rates=Rates().times(0), processes=PROCESSES,
        history_start=config.population.history_start - 20 * HOUR, rate=30,
    )  # fmt: skip
    hospital, relay = prepare(replace(config, population=population))
    # Only now: the past takes seconds, in which somebody else may take a port.
    doors = dict(zip(served, (f"127.0.0.1:{port}" for port in free_ports(len(served))), strict=True))
    at = {**doors, "engine": config.engine_listen, "erp": config.erp_listen}
    config = replace(
        config,
        population=population,
        roads={road.name: at[road.door] for road in more if road.kind != "folder"},
        doors=doors,
        folders={road.name: tmp_path / road.name for road in more if road.kind == "folder"},
    )
    told: dict[str, dict[str, Any]] = {}

    async def until_all_were_used(living: Living) -> None:
        assert config.truth is not None
        for _ in range(90):
            await asyncio.sleep(0.5)
            told.update(truth.load(config.truth))
            if {hop["interface"] for record in told.values() for hop in record["hops"]} == set(ROADS):
                return

    asyncio.run(run(config, hospital, relay, 0, until_all_were_used, speed=2000))
    assert {hop["interface"] for record in told.values() for hop in record["hops"]} == set(ROADS)
    whole = 0
    for record in told.values():
        used = {h["names"]["charge"] for h in hops(record, "surgery", "accepted") if "charge" in h["names"]}
        issued = {h["names"]["charge"] for h in hops(record, "inventory-issues", "accepted")}
        whole += bool(used & issued)
    assert whole
