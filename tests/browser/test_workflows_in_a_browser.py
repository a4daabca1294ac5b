"""The page of a workflow as its author reads it: what it means, how it is followed, what it said before."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1600, 1000, "dark"), (390, 844, "light")], ids=["wide", "phone"]
)
def test_a_workflow_says_what_it_means_and_where_traffic_leaves_it(
    window: Opener, width: int, height: int, scheme: str
) -> None:
    watched = window("/workflows", role="engineer", width=width, height=height, scheme=scheme)
    page = watched.page
    expect(page.locator(".workflows h1")).to_be_visible()
    expect(page.locator(".workflows")).to_contain_text("billing ready")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Weeks of history are looked through only for those who ask.
    expect(page.locator("[data-deviation]")).to_have_count(0)
    page.get_by_role("link", name="Look for deviations").click()
    expect(page).to_have_url(re.compile("deviations=1"))
    expect(page.locator("[data-deviation='refused']").first).to_contain_text("ERP posted", timeout=20_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    version = page.locator("details.more").first
    version.locator("summary").click()
    expect(version.locator("pre")).to_contain_text("apiVersion: caretrail/v1")
    page.locator("[data-deviation] .examples a").first.click()
    expect(page).to_have_url(re.compile("/encounter/[0-9a-f]{32}"))
    assert watched.complaints == []


def test_whoever_has_no_business_with_workflows_is_told_so(window: Opener) -> None:
    page = window("/workflows", role="executive").page
    expect(page.locator(".workflows")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("role")
