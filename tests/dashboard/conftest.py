"""A hospital in memory behind a real door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from dashboard import Check, DashboardSettings, Gate, create_app
from tests.dashboard.fake_hospital import SEALER, FakeHospital
from tests.dashboard.fake_moment import NOW
from tests.dashboard.served import API_TOKEN, Visitor, served


@dataclass
class Site:
    """What a test needs of a running dashboard."""

    hospital: FakeHospital
    gate: Gate
    port: int

    def stranger(self) -> Visitor:
        return Visitor(self.port)

    def signed_in(self, role: str = "engineer", who: str = "rivera") -> Visitor:
        return Visitor(self.port).enter(self.gate.mint(who, role))

    def program(self) -> Visitor:
        return Visitor(self.port, headers={"Authorization": f"Bearer {API_TOKEN}"})


@pytest.fixture(scope="session")
def running_site() -> Iterator[Site]:
    hospital = FakeHospital()
    gate = Gate(api_token=API_TOKEN)
    app = create_app(
        None,
        DashboardSettings(site="Northside Health", zone="America/New_York", version="1.2.3"),
        SEALER,
        gate=gate,
        source=hospital,
        clock=lambda: NOW,
        doctor=lambda: [Check("Log", "warning", "2 segments set aside", "caretrail doctor shows them")],
    )
    with served(app) as port:
        yield Site(hospital, gate, port)


@pytest.fixture
def site(running_site: Site) -> Site:
    """The running dashboard with a hospital as new."""
    running_site.hospital.__init__()  # type: ignore[misc]
    return running_site
