"""What the demo writes into its data folder: settings, the hospital's plan, and how far history goes.

Used by `caretrail demo`. Ports are chosen anew at every start, so that two demos on a machine do not meet.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from caretrail.client import Client, CouldNotAsk
from caretrail.instance import CONFIG_NAME, CannotStart, free_port

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
FACILITY = "NSH"


@dataclass(frozen=True, slots=True)
class DemoState:
    """Kept between starts. Times are ISO 8601 in UTC; `loaded_until`: the store knows all until then."""

    seed: int
    begun: str
    loaded_until: str | None = None


def read_state(folder: Path) -> DemoState | None:
    """The state of an earlier start, None at the first. Raises CannotStart when it cannot be read."""
    path = folder / STATE_NAME
    try:
        return DemoState(**json.loads(path.read_text()))
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


def choose_ports() -> dict[str, int]:
    """A free port for every road. Raises CannotStart."""
    chosen: dict[str, int] = {}
    for name, preferred in _PORTS.items():
        port = free_port(preferred)
        while port in chosen.values():
            port = free_port(0)
        chosen[name] = port
    return chosen


def settings(ports: dict[str, int], port: int, folder: Path) -> dict[str, Any]:
    """The demo's caretrail.yaml as data."""

    def at(name: str) -> str:
        return f"127.0.0.1:{ports[name]}"

    hl7 = {
        "kind": "mllp",
        "facility": FACILITY,
        "authority": FACILITY,
        "attributes": {"patient_class": "PV1-2"},
    }
    folder_tap = {"kind": "folder", "facility": FACILITY, "authority": FACILITY}
    return {
        "site": {"name": "Northside Health", "id": "northside", "timezone": "UTC", "key_file": "site.key"},
        "store": {"url": "chdb:./store"},
        "collector": {"http": at("otlp_http"), "grpc": at("otlp_grpc"), "wal": "wal"},
        "taps": {
            "endpoint": f"http://{at('otlp_http')}",
            "spool": "spool",
        },
        "interfaces": [
            {"name": "ehr-adt", "listen": at("tap_adt"), "upstream": at("engine"), "source": "ehr",
             "destination": "engine", **hl7},
            {"name": "billing-dft", "listen": at("tap_billing"), "upstream": at("billing"),
             "source": "engine", "destination": "billing", **hl7},
            {"name": "erp-journals", "kind": "http", "listen": at("tap_erp"),
             "upstream": f"http://{at('erp')}", "source": "engine", "destination": "erp",
             "facility": FACILITY, "authority": FACILITY,
             "routes": ["POST /journals", "POST /purchase-orders", "POST /inventory/issues"],
             "keys": [{"kind": "account", "pointer": "/reference"}],
             "measures": {"amount": "/total"}, "reason": "/code"},
            {"name": "claims-out", "path": str(folder / "claims/out"), "source": "billing",
             "destination": "clearinghouse", **folder_tap},
            {"name": "claims-in", "path": str(folder / "claims/in"), "source": "clearinghouse",
             "destination": "billing", **folder_tap},
        ],
        "workflows": ["discharge-to-cash", "registration-to-billing"],
        "dashboard": {"listen": f"127.0.0.1:{port}", "public_url": f"http://127.0.0.1:{port}"},
    }  # fmt: skip


def hospital(
    ports: dict[str, int], folder: Path, seed: int, start: datetime, live_from: datetime
) -> dict[str, Any]:
    """The hospital's plan as data: its past from `start`, live from `live_from`, senders facing the taps."""
    return {
        "seed": seed,
        "history_start": start.isoformat(),
        "history_end": live_from.isoformat(),
        "rate": 60.0,
        "live_rate": 6000.0,
        "examples": True,
        "ehr_to_engine": f"127.0.0.1:{ports['tap_adt']}",
        "engine_listen": f"127.0.0.1:{ports['engine']}",
        "engine_to_billing": f"127.0.0.1:{ports['tap_billing']}",
        "billing_listen": f"127.0.0.1:{ports['billing']}",
        "engine_to_erp": f"127.0.0.1:{ports['tap_erp']}",
        "erp_listen": f"127.0.0.1:{ports['erp']}",
        "claims_out": str(folder / "claims/out"),
        "claims_in": str(folder / "claims/in"),
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
