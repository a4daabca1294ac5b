"""What came of what, the history of identity and a decision, as somebody sees and makes them.

What is decided here stays decided in the hospital that all browser tests share: the file's name puts it last.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from playwright.sync_api import expect

from tests.browser.conftest import Opener, Served


def test_arrows_are_dashed_where_likely_and_say_why_under_the_pointer_and_with_the_keyboard(
    window: Opener, dashboard_server: Served
) -> None:
    page = window(f"/encounter/{dashboard_server.journeys['failed']}").page
    arrows = page.locator(".lanes [data-lineage]")
    expect(arrows).to_have_count(2)
    expect(arrows.first).to_have_class(re.compile("probable"))
    assert "4px" in arrows.first.locator(".way").evaluate("way => getComputedStyle(way).strokeDasharray")
    says = page.locator("#lineage-says")
    page.locator("a[data-hop='1'] .hop-label").hover()
    expect(says).to_contain_text(
        "came of ADT^A03, probable: the same visit, a type that leads to it, 3 min before"
    )
    page.mouse.move(5, 5)
    expect(says).to_contain_text("Point at a message")
    page.locator("a[data-hop='2']").focus()
    expect(says).to_contain_text("POST /journals")
    expect(page.locator("#came-of")).to_contain_text("Came of")


def test_a_merge_stands_in_the_history_and_can_be_taken_back(
    window: Opener, dashboard_server: Served
) -> None:
    page = window(f"/encounter/{dashboard_server.journeys['failed']}").page
    fact = page.locator("#history li[data-event='merge']")
    expect(fact).to_contain_text("Patients merged: MRN ••••041 is MRN ••••177 now")
    expect(fact).to_contain_text("ADT^A40 over ehr-adt")
    fact.locator("summary").click()
    fact.locator("input[name=reason]").fill("typing error at the desk")
    fact.locator("button[type=submit]").click()
    expect(fact.locator("del")).to_contain_text("Patients merged")
    expect(fact).to_contain_text("taken back by rivera")
    expect(page.locator("#history li[data-event='withdraw']")).to_contain_text("typing error at the desk")


def test_a_key_that_connects_too_many_is_released_by_a_person(
    window: Opener, dashboard_server: Served
) -> None:
    page = window("/admin").page
    page.get_by_role("link", name="Look and decide").click()
    doubt = page.locator("li[data-why='too_many']")
    expect(doubt).to_contain_text("Account ••••001")
    expect(doubt.locator(".evidence li")).to_have_count(5)
    doubt.locator("summary", has_text="Release").click()
    doubt.locator("input[name=reason]").fill("one stay, five registrations")
    doubt.locator("button[type=submit]").click()
    expect(doubt.locator(".told")).to_contain_text("Written down")
    dashboard_server.hospital.rest(datetime.now(UTC))
    expect(page.locator("li[data-why='too_many']")).to_have_count(0, timeout=10_000)


def test_a_number_is_revealed_with_a_reason_and_goes_away_by_itself(
    window: Opener, dashboard_server: Served
) -> None:
    watched = window(f"/encounter/{dashboard_server.journeys['failed']}")
    page = watched.page
    page.clock.install()
    key = page.locator(".known li[data-kind='visit']")
    expect(key).to_contain_text("••••041")
    assert "V2600041" not in page.content()
    key.locator("summary").click()
    key.locator("input[name=reason]").fill("the payer asks for it")
    key.locator("button[type=submit]").click()
    shown = page.locator("dialog.revealed")
    expect(shown).to_contain_text("V2600041")
    expect(shown).to_contain_text("written down in the audit")
    page.clock.run_for(61_000)
    expect(shown).to_have_count(0)
    assert "V2600041" not in page.content()
    assert not any("V2600041" in address for address in watched.addresses)


def test_only_who_may_reveal_is_offered_to(window: Opener, dashboard_server: Served) -> None:
    page = window(f"/encounter/{dashboard_server.journeys['failed']}", role="noc").page
    expect(page.locator(".known li[data-kind='visit']")).to_contain_text("••••041")
    expect(page.locator("form[data-reveal]")).to_have_count(0)
