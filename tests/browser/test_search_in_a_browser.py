"""The search box: a pasted column, a merged patient, a number that says little, and closing it again."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Served


def search(page: Page, number: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(number)
    page.keyboard.press("Enter")


def paste(page: Page, text: str) -> None:
    """What a clipboard does, without one: headless windows have none."""
    page.keyboard.press("/")
    page.evaluate(
        """text => {
            const data = new DataTransfer();
            data.setData("text", text);
            document.getElementById("search").dispatchEvent(
                new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        text,
    )
    page.keyboard.press("Enter")


def kept(page: Page, name: str) -> None:
    """A picture for whoever wants to look: CARETRAIL_PICTURES names the folder."""
    if folder := os.environ.get("CARETRAIL_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_a_pasted_column_is_searched_as_a_list(window: Opener, dashboard_server: Served) -> None:
    seen = window("/")
    page = seen.page
    paste(page, "V2600041\r\nA2600042\r\nV0000000\r\n")
    answer = page.locator("#search-answer")
    expect(answer).to_contain_text("2 encounters")
    expect(answer).to_contain_text("Not found: ••••000")
    expect(answer).to_contain_text("visit at NSH")
    expect(answer).to_contain_text("account at NSH")
    expect(answer.locator("a")).to_have_count(2)
    kept(page, "search-list")
    assert not [address for address in seen.addresses if "2600041" in address]
    page.keyboard.press("Escape")
    expect(answer).to_be_hidden()


def test_a_merged_patient_leads_to_the_other_numbers_encounters(
    window: Opener, dashboard_server: Served
) -> None:
    page = window("/").page
    search(page, "OLD00041")
    answer = page.locator("#search-answer")
    expect(answer).to_contain_text("patient at NSH")
    expect(answer).to_contain_text("merged into another number")
    kept(page, "search-merged")
    answer.locator("a").first.click()
    page.wait_for_url("**/encounter/*")
    expect(answer).to_be_hidden()


def test_a_number_of_too_many_encounters_says_so_on_a_phone(window: Opener) -> None:
    page = window("/", width=390, height=844, scheme="light").page
    search(page, "A9999001")
    answer = page.locator("#search-answer")
    expect(answer).to_contain_text("quarantined")
    expect(answer).to_contain_text("seen with too many encounters to tell")
    expect(answer.locator("a")).to_have_count(5)
    kept(page, "search-phone")
    box = answer.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
