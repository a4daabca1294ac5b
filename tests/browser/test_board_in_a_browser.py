"""The wall in a real browser: it shows states, follows the hospital by itself, and never jumps."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from playwright.sync_api import expect

from tests.browser.conftest import Opener, Served
from tests.browser.real_hospital import MINUTE


def test_a_link_lets_in_once_and_leaves_a_clean_address(window: Opener, dashboard_server: Served) -> None:
    seen = window("/")
    assert seen.page.url == f"{dashboard_server.address}/"
    (cookie,) = seen.page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    used = next(address for address in seen.addresses if "token=" in address)
    stranger = seen.page.context.browser.new_context()  # type: ignore[union-attr]
    answer = stranger.new_page().goto(used)
    assert answer is not None
    assert answer.status == 401
    stranger.close()


def test_the_board_shows_every_state_with_shape_word_and_number(window: Opener) -> None:
    page = window("/").page
    tile = page.locator(".tile[data-workflow='discharge-to-cash']")
    for code, word in (
        ("failed", "failed"),
        ("overdue", "overdue"),
        ("at_risk", "at risk"),
        ("on_track", "on track"),
    ):
        number = tile.locator(f"[data-count='{code}']")
        expect(number).to_contain_text(word)
        assert number.locator("svg").count() == 1
    assert int(tile.locator("[data-count='failed'] .big").inner_text()) >= 1
    assert int(tile.locator("[data-count='overdue'] .big").inner_text()) >= 1
    states = page.locator(".needs .row").evaluate_all("rows => rows.map(row => row.dataset.state)")
    assert {"failed", "overdue"} <= set(states)
    expect(page.locator(".strip")).to_contain_text("ehr-adt")


def test_a_new_refusal_appears_by_itself_in_place(window: Opener, dashboard_server: Served) -> None:
    page = window("/").page
    page.wait_for_selector(".needs .row")
    page.evaluate(
        "document.querySelectorAll('.tile, .needs .row, .strip').forEach(node => { node.mine = true; })"
    )
    before = int(page.locator("[data-count='failed'] .big").first.inner_text())
    place = page.locator(".needs").bounding_box()
    now = datetime.now(UTC)
    dashboard_server.hospital.discharge("V2600777", now - 9 * MINUTE, journal=422)
    dashboard_server.hospital.settle(now)
    expect(page.locator("[data-count='failed'] .big").first).to_have_text(str(before + 1), timeout=8000)
    assert page.evaluate("Array.from(document.querySelectorAll('.tile, .strip')).every(node => node.mine)")
    after = page.locator(".needs").bounding_box()
    assert place is not None
    assert after is not None
    assert (place["x"], place["y"], place["width"]) == (after["x"], after["y"], after["width"])


def test_the_clock_and_the_age_of_the_data_run(window: Opener) -> None:
    page = window("/").page
    expect(page.locator(".freshness .age")).to_contain_text("data")
    first = page.locator(".freshness .clock").inner_text()
    expect(page.locator(".freshness .clock")).not_to_have_text(first, timeout=4000)
    assert page.locator(".freshness .clock small").inner_text() in ("EST", "EDT")


def test_data_that_stops_coming_turns_grey_and_says_how_old_it_is(window: Opener) -> None:
    seen = window("/")
    page = seen.page
    page.route("**/_dash-update-component*", lambda route: route.abort())
    page.wait_for_timeout(800)  # what was on its way arrives
    page.evaluate("window.__now = performance.now.bind(performance)")
    page.evaluate("performance.now = () => window.__now() + 120000")
    expect(page.locator(".freshness")).to_have_class("freshness stale")
    expect(page.locator(".freshness .age")).to_contain_text("2\u00a0m old")
    assert page.evaluate("document.documentElement.hasAttribute('data-stale')")
    expect(page.locator("main")).to_have_css("filter", re.compile(r"grayscale\(1\)"))
    page.close()
    seen.complaints.clear()  # a browser complains of every question that got no answer


def test_a_slash_searches_and_what_was_typed_is_in_no_address(
    window: Opener, dashboard_server: Served
) -> None:
    seen = window("/")
    page = seen.page
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("V2600041")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/encounter/{dashboard_server.journeys['failed']}")
    expect(page.locator("h1")).to_contain_text("••••041")
    assert not [address for address in seen.addresses if "V2600041" in address]
    page.keyboard.press("/")
    page.keyboard.type("V9999999")
    page.keyboard.press("Enter")
    expect(page.locator("#search-answer")).to_contain_text("Nothing found")


def test_the_list_is_walked_with_keys(window: Opener) -> None:
    page = window("/").page
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert (
        page.evaluate("Array.from(document.querySelectorAll('a[data-row]')).indexOf(document.activeElement)")
        == 1
    )
    page.keyboard.press("Enter")
    page.wait_for_url("**/encounter/*")


def test_a_wall_in_kiosk_mode_shows_nothing_to_click_and_is_dark(window: Opener) -> None:
    page = window("/?kiosk=1", scheme="light").page
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    for part in (".top nav", ".search", ".theme-toggle"):
        assert not page.locator(part).is_visible()
    assert page.evaluate("getComputedStyle(document.body).overflow") == "hidden"


def test_numbers_can_be_read_from_three_metres(window: Opener) -> None:
    page = window("/?kiosk=1").page
    size = page.locator(".number .big").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    # At 1080 lines on a 50-inch wall a pixel is 0.58 mm; 20 arc minutes at three metres are 17 mm.
    assert size >= 48
    assert (
        page.locator(".row-what").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)") >= 20
    )
