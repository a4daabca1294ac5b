"""The page of reconciliation as somebody reads, filters and follows it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1600, 1000, "dark"), (390, 844, "light")], ids=["wide", "phone"]
)
def test_totals_stand_side_by_side_and_whoever_differs_is_one_click_away(
    window: Opener, width: int, height: int, scheme: str
) -> None:
    page = window("/reconciliation?days=30", role="engineer", width=width, height=height, scheme=scheme).page
    section = page.locator(".reconciliation section[data-measure]")
    expect(section.first).to_have_attribute("data-state", "differs")
    expect(page.locator("h1")).to_contain_text("ERP posted says")
    expect(page.locator("tr[data-state='agrees']").first).to_contain_text("agrees")
    case = page.locator("[data-case]").first
    expect(case).to_contain_text("refused")
    # Nothing reaches beyond the screen, whatever its width.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="facility", exact=True).click()
    expect(page).to_have_url(re.compile("by=facility"))
    # One group in each of the rules of the workflow.
    expect(section.first.locator("tr[data-group='NSH']")).to_have_count(1)
    page.locator("[data-case]").first.click()
    expect(page).to_have_url(re.compile("/encounter/"))


def test_an_executive_sees_sums_and_no_journey(window: Opener) -> None:
    page = window("/reconciliation?days=30", role="executive").page
    expect(page.locator("tr[data-state='differs']").first).to_be_visible()
    expect(page.locator("body")).to_contain_text("operations can name them")
    expect(page.locator("[data-case]")).to_have_count(0)
