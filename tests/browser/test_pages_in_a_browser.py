"""Every other page in a real browser, wide and narrow, dark and light."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Served

PATHS = ["/", "/exceptions", "/interfaces", "/executive", "/objectives", "/admin", "encounter"]


def place(path: str, site: Served) -> str:
    return f"/encounter/{site.journeys['failed']}" if path == "encounter" else path


def test_a_click_on_the_list_opens_the_encounter_without_loading_a_page(
    window: Opener, dashboard_server: Served
) -> None:
    page = window("/").page
    page.evaluate("window.still = true")
    page.locator(f".row[href='/encounter/{dashboard_server.journeys['failed']}']").click()
    expect(page.locator("h1")).to_contain_text("••••041")
    assert page.evaluate("window.still")
    page.go_back()
    expect(page.locator(".tiles")).to_be_visible()


def test_the_encounter_answers_and_draws_what_was_seen(window: Opener, dashboard_server: Served) -> None:
    page = window(f"/encounter/{dashboard_server.journeys['failed']}").page
    expect(page.locator(".answer")).to_contain_text("refused")
    lanes = page.locator("svg.lanes .lane-name").all_text_contents()
    assert lanes[:4] == ["EHR", "engine", "billing", "ERP"]
    assert page.locator("svg.lanes a.hop").count() == 3
    assert page.locator("svg.lanes .expected").count() >= 1
    expect(page.locator(".step[data-step='ERP posted']")).to_have_attribute("data-state", "failed")
    expect(page.locator("#hop-details")).to_contain_text("POST /journals → 422")
    expect(page.locator("#hop-details")).to_contain_text("cost centre unknown")
    page.locator("svg.lanes a.hop .hop-label").first.click()
    expect(page.locator("#hop-details")).to_contain_text("ADT^A03 → AA")
    assert page.url.endswith("?hop=0")
    assert "Testa" not in page.content()
    assert "V2600041" not in page.content()


def test_what_was_expected_and_not_seen_is_marked(window: Opener, dashboard_server: Served) -> None:
    page = window(f"/encounter/{dashboard_server.journeys['overdue']}").page
    missing = page.locator("svg.lanes .expected.missing")
    assert missing.count() >= 1
    expect(page.locator("svg.lanes")).to_contain_text("not seen")
    expect(page.locator(".verdict")).to_contain_text("overdue")


def test_the_trace_is_copied(window: Opener, dashboard_server: Served) -> None:
    page = window(
        f"/encounter/{dashboard_server.journeys['failed']}", permissions=["clipboard-read", "clipboard-write"]
    ).page
    page.locator("#hop-details [data-copy]").click()
    expect(page.locator("#hop-details [data-copied]")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert len(copied) == 32
    assert copied == page.locator("#hop-details code").inner_text()


def test_looking_at_an_encounter_left_a_row(window: Opener, dashboard_server: Served) -> None:
    window(f"/encounter/{dashboard_server.journeys['failed']}")
    with dashboard_server.hospital.store.handle() as store:
        found = store.query(
            "SELECT who, role, action FROM audit WHERE journey = {journey:String}",
            {"journey": dashboard_server.journeys["failed"]},
        )
    assert ("rivera", "admin", "view_encounter") in found.rows


def test_the_executive_page_defines_every_number(window: Opener) -> None:
    page = window("/executive").page
    figure = page.locator("[data-figure='on_time']")
    expect(figure.locator(".figure-value")).to_contain_text("%")
    note = figure.locator(".note")
    assert not note.is_visible()
    figure.locator("summary").click()
    expect(note).to_be_visible()
    page.wait_for_timeout(1500)
    expect(note).to_be_visible()
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    assert page.locator(".figure").count() == 6


def test_the_executive_page_prints_on_one_sheet(window: Opener) -> None:
    page = window("/executive").page
    page.emulate_media(media="print")
    sheet = page.pdf(prefer_css_page_size=True, format="A4", landscape=True, print_background=True)
    assert sheet.count(b"/Type /Page\n") + sheet.count(b"/Type /Page ") == 1


def walk(page: Page, path: str) -> None:
    """To another page as a link inside the app goes."""
    page.evaluate(
        "path => { history.pushState({}, '', path);"
        " dispatchEvent(new CustomEvent('_dashprivate_pushstate')); }",
        path,
    )
    page.wait_for_timeout(700)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1920, 1080)], ids=["phone", "wall"])
def test_no_page_scrolls_sideways(window: Opener, dashboard_server: Served, width: int, height: int) -> None:
    page = window("/", width=width, height=height).page
    for path in PATHS:
        walk(page, place(path, dashboard_server))
        assert page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), path


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_words_of_every_page_have_contrast(window: Opener, dashboard_server: Served, scheme: str) -> None:
    page = window("/?theme=" + scheme, scheme=scheme).page
    for path in PATHS:
        walk(page, place(path, dashboard_server))
        assert page.evaluate(WEAK_WORDS) == [], path


def test_the_theme_is_chosen_with_a_button_and_remembered(window: Opener) -> None:
    page = window("/executive", scheme="light").page
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.locator("[data-theme-toggle]").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    page.wait_for_selector(".figure")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_motion_stops_for_those_who_asked(window: Opener) -> None:
    page = window("/", reduced_motion="reduce").page
    assert page.locator(".number").first.evaluate("node => getComputedStyle(node).transitionDuration") in (
        "0s",
        "",
    )


def test_filters_live_in_the_address(window: Opener) -> None:
    page = window("/exceptions").page
    page.locator(".chip", has_text="overdue").click()
    page.wait_for_url("**/exceptions?state=overdue")
    expect(page.locator(".chip.chosen", has_text="overdue")).to_be_visible()
    page.reload()
    expect(page.locator(".chip.chosen", has_text="overdue")).to_be_visible()
    states = page.locator(".row").evaluate_all("rows => rows.map(row => row.dataset.state)")
    assert set(states) == {"overdue"}


def test_a_list_is_downloaded(window: Opener) -> None:
    page = window("/interfaces").page
    with page.expect_download() as download:
        page.locator("text=Download CSV").click()
    text = download.value.path().read_text()
    assert text.startswith("interface,source,destination")
    assert "ehr-adt,ehr,engine,hl7v2" in text


def test_executives_are_told_what_is_not_theirs(window: Opener) -> None:
    page = window("/executive", role="executive").page
    expect(page.locator(".top nav a")).to_have_text(["Executive", "Objectives", "Reconciliation"])
    page.goto(page.url.replace("/executive", "/exceptions"))
    expect(page.locator("#page")).to_contain_text("Not for your role")


# Text whose colour has less than 4.5:1 (3:1 when large) against the first opaque background behind it.
WEAK_WORDS = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const node of document.querySelectorAll("#page *, .top *")) {
    const speaks = Array.from(node.childNodes).some((c) => c.nodeType === 3 && c.data.trim());
    if (!speaks || node.closest("svg")) continue;
    const style = getComputedStyle(node);
    if (!node.checkVisibility()) continue;
    const [one, other] = [light(parse(style.color)), light(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) weak.push(`${node.textContent.trim()} ${ratio.toFixed(2)}`);
  }
  return weak;
}"""
