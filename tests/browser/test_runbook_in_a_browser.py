"""A runbook as it is read: from a step, on a phone, in either light."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, Served


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1440, 900, "dark"), (390, 844, "light")], ids=["desk", "phone"]
)
def test_what_to_do_is_one_click_from_the_step(
    window: Opener, dashboard_server: Served, width: int, height: int, scheme: str
) -> None:
    journey = dashboard_server.journeys["failed"]
    page = window(f"/encounter/{journey}", role="noc", width=width, height=height, scheme=scheme).page
    link = page.locator("a[href='/runbook/discharge-to-cash#erp-posted']").first
    expect(link).to_contain_text("what to do")
    with page.context.expect_page() as opened:
        link.click()
    shown = opened.value
    expect(shown.locator("section:target h2")).to_have_text("ERP posted")
    expect(shown.locator("section:target h2")).to_be_in_viewport()
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.evaluate("document.documentElement.dataset.theme") == scheme
