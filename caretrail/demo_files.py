"""What the demo writes into its data folder: settings, the hospital's plan, and how far history goes.

Used by `caretrail demo`. Ports are chosen anew at every start, so that two demos on a machine do not meet.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from caretrail.client import Client, CouldNotAsk
from caretrail.instance import CONFIG_NAME, CannotStart, free_port
from simulator.roads import PROCESSES, Road, roads

STATE_NAME = "demo.json"
#: Roads of the hospital: from, to, and where a tap stands on them, on the first free port from here.
_PORTS = {
    "otlp_http": 4318,
    "otlp_grpc": 4317,
    "tap_adt": 2575,
    "engine": 2675,
    "tap_billing": 2576,
    "billing": 2676,
    "tap_erp": 8575,
    "erp": 8675,
}
_MORE_PORTS = 12_575
#: Discharges a day: always, and more while it lives.
RATE = 60.0
LIVE_RATE = 6000.0
#: Whoever was discharged longer ago is done with: the slowest claims take ten days.
_DONE = timedelta(days=13)
FACILITY = "NSH"
_CORE = {"ehr-adt": "tap_adt", "billing-dft": "tap_billing", "erp-journals": "tap_erp"}
#: What a process of the hospital is watched by, beside the two packs every demo has.
_PACKS = {
    "beds": ("discharge-to-bed",),
    "staffing": ("census-to-workforce",),
    "implants": ("implant-to-inventory", "case-cost"),
    "orders": ("order-to-result",),
    "readiness": ("admission-to-billing-readiness",),
    "eligibility": ("eligibility",),
    "claims": ("claim-to-remittance",),
}
#: Processes without which a pack would wait for what nobody sends.
_ALONG = {"beds": "staffing", "readiness": "eligibility"}


@dataclass(frozen=True, slots=True)
class DemoState:
    """Kept between starts. Times are ISO 8601 in UTC; `loaded_until`: the store knows all until then.

    lived: from when until when the hospital lived, each time; what was under way then is carried on.
    """

    seed: int
    begun: str
    loaded_until: str | None = None
    processes: tuple[str, ...] = ()
    lived: tuple[tuple[str, str], ...] = ()

    def living(self, since: datetime, until: datetime) -> DemoState:
        """The state of a hospital that lives since then, at `until`."""
        before = [(begin, end) for begin, end in self.lived if until - _DONE < moment(end)]
        return replace(
            self, loaded_until=until.isoformat(), lived=(*before, (since.isoformat(), until.isoformat()))
        )


def read_state(folder: Path) -> DemoState | None:
    """The state of an earlier start, None at the first. Raises CannotStart when it cannot be read."""
    path = folder / STATE_NAME
    try:
        told = json.loads(path.read_text())
        lived = tuple((begin, end) for begin, end in told.get("lived", ()))
        return DemoState(**told | {"processes": tuple(told.get("processes", ())), "lived": lived})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, OSError):
        raise CannotStart(f"{path} cannot be read. Remove the folder {folder} to begin anew.") from None


def write_state(folder: Path, state: DemoState) -> None:
    """Replace the state, whole or not at all."""
    path = folder / STATE_NAME
    path.with_suffix(".new").write_text(json.dumps(asdict(state)))
    path.with_suffix(".new").replace(path)


def moment(text: str) -> datetime:
    """An ISO 8601 time of the state."""
    return datetime.fromisoformat(text).astimezone(UTC)


def processes(text: str) -> tuple[str, ...]:
    """The processes of a list such as "beds,orders", "all" or "none". Raises CannotStart."""
    if text in ("all", "none"):
        return PROCESSES if text == "all" else ()
    named = {one.strip() for one in text.split(",")}
    if unknown := sorted(named - set(PROCESSES)):
        known = ", ".join(PROCESSES)
        raise CannotStart(f"The demo has no process {unknown[0]!r}. Choose from {known}, all, none.")
    named |= {_ALONG[one] for one in named & set(_ALONG)}
    return tuple(one for one in PROCESSES if one in named)


def _more(processes: Iterable[str]) -> list[Road]:
    """The roads that processes add."""
    return [road for road in roads(processes).values() if road.process]


def choose_ports(processes: Iterable[str] = ()) -> dict[str, int]:
    """A free port for every road. Raises CannotStart."""
    chosen: dict[str, int] = {}
    wanted = dict(_PORTS)
    for road in _more(processes):
        if road.kind != "folder":
            wanted |= {f"tap_{road.name}": _MORE_PORTS, road.door: wanted.get(road.door, _MORE_PORTS)}
    for name, preferred in wanted.items():
        chosen[name] = free_port(preferred, chosen.values())
    return chosen


def settings(ports: dict[str, int], port: int, folder: Path, processes: Iterable[str] = ()) -> dict[str, Any]:
    """The demo's caretrail.yaml as data."""

    def at(name: str) -> str:
        return f"127.0.0.1:{ports[name]}"

    def interface(road: Road) -> dict[str, Any]:
        told = {
            "name": road.name,
            "kind": road.kind,
            "source": road.source,
            "destination": road.destination,
            "facility": FACILITY,
            "authority": FACILITY,
            # A copy: YAML would write what two roads share once, and refer to it.
            **deepcopy(road.tap),
        }
        if road.kind == "folder":
            return told | {"path": str(folder / _folder(road.name))}
        scheme = "http://" if road.kind == "http" else ""
        tap = _CORE.get(road.name, f"tap_{road.name}")
        return told | {"listen": at(tap), "upstream": f"{scheme}{at(road.door)}"}

    return {
        "site": {"name": "Northside Health", "id": "northside", "timezone": "UTC", "key_file": "site.key"},
        "store": {"url": "chdb:./store"},
        "collector": {"http": at("otlp_http"), "grpc": at("otlp_grpc"), "wal": "wal"},
        "taps": {
            "endpoint": f"http://{at('otlp_http')}",
            "spool": "spool",
        },
        "interfaces": [interface(road) for road in roads(processes).values()],
        "workflows": [
            "discharge-to-cash", "registration-to-billing",
            *(pack for process in processes for pack in _PACKS[process]),
        ],
        "dashboard": {"listen": f"127.0.0.1:{port}", "public_url": f"http://127.0.0.1:{port}"},
    }  # fmt: skip


def _folder(road: str) -> str:
    """Where the files of a road are: claims/out, supplier/in."""
    return road.replace("-", "/")


def hospital(ports: dict[str, int], folder: Path, state: DemoState, live_from: datetime) -> dict[str, Any]:
    """The hospital's plan as data: its past since the first start, live from then on, facing the taps."""
    processes = state.processes
    return {
        "seed": state.seed,
        "history_start": state.begun,
        "history_end": live_from.isoformat(),
        "lived": state.lived,
        "rate": RATE,
        "live_rate": LIVE_RATE,
        "examples": True,
        "ehr_to_engine": f"127.0.0.1:{ports['tap_adt']}",
        "engine_listen": f"127.0.0.1:{ports['engine']}",
        "engine_to_billing": f"127.0.0.1:{ports['tap_billing']}",
        "billing_listen": f"127.0.0.1:{ports['billing']}",
        "engine_to_erp": f"127.0.0.1:{ports['tap_erp']}",
        "erp_listen": f"127.0.0.1:{ports['erp']}",
        "claims_out": str(folder / "claims/out"),
        "claims_in": str(folder / "claims/in"),
        "processes": list(processes),
        "roads": {
            road.name: f"127.0.0.1:{ports[f'tap_{road.name}']}"
            for road in _more(processes)
            if road.kind != "folder"
        },
        "doors": {
            road.door: f"127.0.0.1:{ports[road.door]}" for road in _more(processes) if road.kind != "folder"
        },
        "folders": {
            road.name: str(folder / _folder(road.name)) for road in _more(processes) if road.kind == "folder"
        },
        "truth": str(folder / "truth.jsonl"),
    }


def examples(folder: Path, client: Client) -> list[tuple[str, str]]:
    """A few (visit number, state) of the hospital, each of another state, the newest of each."""
    found: dict[str, str] = {}
    wanted = {"none": "completed", "erp_refused": "failed", "lost_in_engine": "overdue"}
    for line in reversed((folder / "truth.jsonl").read_text().splitlines()):
        record = json.loads(line)
        expected = wanted.get(record.get("fault"))
        if expected is None or expected in found or record["traits"]:
            continue
        try:
            (journey,) = client.post("/api/v1/journeys/search", {"value": record["visit"]})["journeys"]
        except (CouldNotAsk, ValueError):
            continue
        if expected in {workflow["state"] for workflow in journey["workflows"]}:
            found[expected] = record["visit"]
        if len(found) == len(wanted):
            break
    return [(visit, state) for state, visit in found.items()]


def write_settings(folder: Path, data: dict[str, Any]) -> Path:
    """Write caretrail.yaml; returns its path."""
    path = folder / CONFIG_NAME
    head = "# Written by `caretrail demo` at every start. Reference: docs/configuration.md\n"
    path.write_text(head + yaml.safe_dump(data, sort_keys=False))
    return path
