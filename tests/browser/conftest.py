"""A real Chromium before a real dashboard on a real store.

Where no Chromium is installed these tests are skipped with a loud line, except in CI (`CI=true`), where its
absence is a failure.  `CARETRAIL_CHROMIUM` names another binary.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from dashboard import Check, DashboardSettings, Gate, create_app
from tests.browser.real_hospital import MINUTE, SEALER, RealHospital
from tests.dashboard.served import served
from tracing.store import open_store

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, or a loud skip."""
    binary = (
        os.environ.get("CARETRAIL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if binary is None:
        message = "NO CHROMIUM: the pages were not tested in a browser (apt-get install chromium)"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Served:
    """A running dashboard and the hospital behind it; journeys by the state they are in."""

    address: str
    gate: Gate
    hospital: RealHospital
    journeys: dict[str, str]

    def link(self, role: str = "admin", path: str = "/") -> str:
        joint = "&" if "?" in path else "?"
        return f"{self.address}{path}{joint}token={self.gate.mint('rivera', role)}"


@pytest.fixture(scope="session")
def dashboard_server(embedded_url: str) -> Iterator[Served]:
    """Thirty days of quiet, then one discharge of each kind within the last hours."""
    with open_store(f"{embedded_url}?database=test_browser") as store:
        store.migrate()
        now = datetime.now(UTC)
        hospital = RealHospital(store, now)
        for day in range(2, 30):
            for number in range(3):
                at = now - MINUTE * (1440 * day + 37 * number)
                refused = day % 9 == number
                hospital.discharge(f"V{day:02d}{number:05d}", at, journal=422 if refused else 201, claim_h=20)
        journeys = {
            "failed": hospital.discharge("V2600041", now - 42 * MINUTE, journal=422),
            "overdue": hospital.discharge("V2600042", now - 95 * MINUTE, billing=False, journal=None),
            "on_track": hospital.discharge("V2600044", now - 12 * MINUTE),
        }
        hospital.merge("OLD00041", "V2600041", now - 60 * MINUTE)
        hospital.shared_account("A9999001", [f"V27000{n}1" for n in range(5)], now - 200 * MINUTE)
        hospital.settle(now)
        gate = Gate()
        app = create_app(
            store,
            DashboardSettings(site="Northside Health", zone="America/New_York", refresh_s=0.5),
            SEALER,
            gate=gate,
            doctor=lambda: [Check("Write-ahead log", "ok", "nothing waits")],
        )
        with served(app) as port:
            yield Served(f"http://127.0.0.1:{port}", gate, hospital, journeys)


@dataclass
class Watched:
    """A browser window that remembers every address it asked and everything that went wrong in it."""

    page: Page
    addresses: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


Opener = Callable[..., Watched]


@pytest.fixture
def window(chromium: Browser, dashboard_server: Served) -> Iterator[Opener]:
    """Function that opens a signed-in window: `window("/executive", width=390, height=844, scheme="light")`.

    After the test no window may have complained in its console or asked another host for anything.
    """
    contexts: list[BrowserContext] = []
    windows: list[Watched] = []

    def open_window(
        path: str = "/",
        role: str = "admin",
        width: int = 1920,
        height: int = 1080,
        scheme: str = "dark",
        **more: Any,
    ) -> Watched:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="light" if scheme == "light" else "dark",
            **more,
        )
        contexts.append(context)
        watched = Watched(context.new_page())
        windows.append(watched)
        watched.page.on("request", lambda request: watched.addresses.append(request.url))
        watched.page.on(
            "console",
            lambda message: (
                watched.complaints.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        watched.page.goto(dashboard_server.link(role, path))
        watched.page.wait_for_selector("#page :is(h1, h2)", state="attached")
        return watched

    yield open_window
    addresses = {address for each in windows for address in each.addresses}
    complaints = [complaint for each in windows for complaint in each.complaints]
    for context in contexts:
        context.close()
    assert [each for each in addresses if not each.startswith((dashboard_server.address, "data:"))] == []
    assert complaints == []
