"""What stands on each page, for whom, and what never does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from dash import html
from plotly.io.json import to_json_plotly  # type: ignore[import-untyped]

import dashboard
from dashboard import DashboardSettings, components
from dashboard.auth import Session
from dashboard.export import text
from dashboard.feed import Feed
from dashboard.pages import engines, executive, interfaces
from dashboard.places import PLACES, Guide, Shown
from slo.workflows.rows import INSTANCE_STATES
from tests.dashboard.conftest import Site
from tests.dashboard.fake_figures import channel_row, kpi
from tests.dashboard.fake_hospital import ACCOUNT, JOURNEY, SEALER, VISIT, FakeHospital, instance
from tests.dashboard.fake_moment import NOW

ASSETS = Path(dashboard.__file__).parent / "assets"


class Watcher:
    """Somebody with a role in front of a hospital."""

    def __init__(self, role: str = "engineer") -> None:
        self.hospital = FakeHospital()
        self.session = Session("rivera", role, NOW + timedelta(hours=1))
        self.now = NOW
        self.feed = Feed(lambda: self.now)
        settings = DashboardSettings(site="Northside Health", zone="America/New_York")
        self.guide = Guide(self.feed, self.hospital, settings, SEALER, None, lambda: self.now)

    def look(self, path: str, **query: str) -> Shown:
        return asyncio.run(self.guide.show(path, query, self.session, "10.0.0.7"))

    def read(self, path: str, **query: str) -> str:
        """All words of a page, as somebody reads them."""
        return words(self.look(path, **query))


def words(shown: Shown) -> str:
    said: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, str):
            said.append(node)
        elif isinstance(node, list):
            for each in node:
                walk(each)
        elif isinstance(node, dict):
            walk(node.get("children", node.get("props", {}).get("children")))
            walk(drawn(node.get("props", {}).get("spec")))

    def drawn(spec: object) -> list[object]:
        if isinstance(spec, str):
            return [spec]
        return [part for child in spec[2:] for part in drawn(child)] if isinstance(spec, list) else []

    walk(json.loads(to_json_plotly(shown.body)))
    return re.sub(r"\s+", " ", " ".join(said))


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    somebody = Watcher()
    yield somebody
    somebody.feed.close()


def test_the_board_says_what_is_red_whose_it_is_and_since_when(watcher: Watcher) -> None:
    page = watcher.read("/")
    assert "12 overdue" in page
    assert "2 h 14 m" in page
    assert "Revenue cycle" in page
    assert "ERP posted refused: cost centre unknown" in page
    assert "1 h 42 m late" in page
    assert "billing-adt-dft silent" in page
    assert watcher.look("/").title == "✕ 3 failed ■ 12 overdue · Caretrail"


def test_tiles_stand_worst_first(watcher: Watcher) -> None:
    watcher.hospital.tile_list.reverse()
    page = watcher.read("/")
    assert page.index("Discharge to cash") < page.index("Implant to inventory") < page.index("Admission to")


def test_a_quiet_hospital_and_an_empty_one_differ(watcher: Watcher) -> None:
    watcher.hospital.rows = []
    assert "Nobody waits" in watcher.read("/")
    watcher.hospital.tile_list, watcher.now = [], NOW + timedelta(seconds=19)
    assert "No workflow is active yet" in watcher.read("/")


def test_the_board_keeps_its_last_answer_and_its_age_when_the_store_goes_away(watcher: Watcher) -> None:
    assert watcher.look("/").taken_at == NOW
    watcher.hospital.away, watcher.now = True, NOW + timedelta(minutes=2)
    shown = watcher.look("/")
    assert "12 overdue" in words(shown)
    assert shown.taken_at == NOW
    assert "does not answer" in shown.error


@pytest.mark.parametrize("path", [place.path for place in PLACES] + [f"/encounter/{JOURNEY}"])
def test_every_page_says_so_when_the_store_was_never_there(path: str) -> None:
    watcher = Watcher("admin")
    watcher.hospital.away = True
    shown = watcher.look(path)
    assert "The store does not answer" in words(shown)
    assert shown.taken_at is None
    watcher.feed.close()


def test_the_encounter_answers_first_and_masks_its_keys(watcher: Watcher) -> None:
    page = watcher.read(f"/encounter/{JOURNEY}")
    assert page.index("Reached billing 3 minutes after discharge") < page.index("engine accepted")
    assert "Visit ••••041" in page
    assert "inpatient" in page
    assert "failed · refused 13:27 (422, cost centre unknown)" in page
    assert "waiting · due Fri 13:20" in page
    assert JOURNEY in page, "the trace ID can be copied"
    everything = to_json_plotly(watcher.look(f"/encounter/{JOURNEY}").body)
    for key in (VISIT, ACCOUNT):
        assert key.value not in everything
        assert SEALER.seal(key) not in everything


def test_what_was_expected_and_not_seen_is_listed_where_it_belongs(watcher: Watcher) -> None:
    watcher.hospital.state = "overdue"
    page = watcher.read(f"/encounter/{JOURNEY}")
    assert "billing ready: expected by 12:47, not seen" in page
    assert "overdue 1 h 15 m: billing ready" in page


@pytest.mark.parametrize("state", INSTANCE_STATES)
def test_an_encounter_in_any_state_can_be_shown(watcher: Watcher, state: str) -> None:
    watcher.hospital.state = state  # type: ignore[assignment]
    assert "Discharge to cash" in watcher.read(f"/encounter/{JOURNEY}")


def test_a_hop_is_chosen_by_the_address(watcher: Watcher) -> None:
    assert "Hop: POST /journals → 422" in watcher.read(f"/encounter/{JOURNEY}")
    assert "Hop: ADT^A03 → AA discharge" in watcher.read(f"/encounter/{JOURNEY}", hop="0")
    assert "Hop: POST /journals → 422" in watcher.read(f"/encounter/{JOURNEY}", hop="99")


def test_looking_at_an_encounter_is_recorded_once_a_quarter_of_an_hour(watcher: Watcher) -> None:
    for _ in range(5):
        watcher.look(f"/encounter/{JOURNEY}")
        watcher.now += timedelta(minutes=2)
    (look,) = watcher.hospital.looks
    assert (look.who, look.action, look.journey, look.where_from) == (
        "rivera",
        "view_encounter",
        JOURNEY,
        "10.0.0.7",
    )
    watcher.now += timedelta(minutes=20)
    watcher.look(f"/encounter/{JOURNEY}")
    assert len(watcher.hospital.looks) == 2


def test_what_cannot_be_recorded_is_not_shown(watcher: Watcher) -> None:
    def refuse(looks: list[object]) -> None:
        raise OSError

    watcher.hospital.record = refuse  # type: ignore[method-assign,assignment]
    page = watcher.read(f"/encounter/{JOURNEY}")
    assert "This look cannot be recorded" in page
    assert "Reached billing" not in page


def test_an_encounter_nobody_saw_says_so(watcher: Watcher) -> None:
    assert "No such encounter" in watcher.read("/encounter/" + "0" * 31 + "1")
    assert watcher.hospital.looks == []


def test_executives_see_aggregates_only() -> None:
    watcher = Watcher("executive")
    for path in ("/", "/exceptions", "/interfaces", "/admin", f"/encounter/{JOURNEY}"):
        assert "Not for your role" in watcher.read(path), path
    assert "97.4 %" in watcher.read("/executive")
    assert "Budget left" in watcher.read("/objectives")
    assert JOURNEY not in to_json_plotly(watcher.look("/executive").body)
    watcher.feed.close()


def test_every_executive_number_has_trend_target_sentence_and_definition(watcher: Watcher) -> None:
    page = watcher.read("/executive")
    assert page.count("what is this?") == 7
    assert page.count("What the number means, in one sentence.") == 6
    assert "target missed" in page
    assert "ERP posted: 96.1 % in time, was 98.4 %." in page
    assert "day by day: latest" in page


def test_filters_are_in_the_address(watcher: Watcher) -> None:
    page = watcher.read("/exceptions", state="overdue", facility="NSH-NORTH")
    assert "1 encounter overdue" in page
    assert "3 encounters overdue" in watcher.read("/exceptions", state="overdue")
    assert "7 encounters overdue, failed or at risk" in watcher.read("/exceptions", state="no-such-state")
    assert "Nothing is in this state" in watcher.read("/exceptions", state="cancelled")


def test_the_catalogue_reads_like_the_interface_does(watcher: Watcher) -> None:
    page = watcher.read("/interfaces")
    assert "billing-adt-dft engine → billing HL7 v2" in page
    assert "11 m ago" in page
    assert "4.1 %" in page


def test_the_catalogue_says_what_waits_inside_the_engine(watcher: Watcher) -> None:
    page = watcher.read("/interfaces")
    assert "1 412 queued in the engine · disconnected" in page
    assert "As the engine counts, read 4.0 s ago." in page
    assert "ADT to billing carries billing-adt-dft failed disconnected to ADT to billing since" in page
    assert page.index("ADT to billing carries") < page.index("Journals") < page.index("ADT in carries")
    assert "at risk" in page[page.index("Journals") :]


def test_a_closed_connection_is_no_trouble_while_nothing_waits() -> None:
    waiting = channel_row("A", "", "disconnected", 3)
    resting = channel_row("B", "", "disconnected", 0)
    assert [engines.judge(one) for one in (waiting, resting)] == ["failed", "on_track"]
    assert engines.judge(channel_row("C", "", "idle", 40)) == "on_track"
    assert engines.judge(channel_row("C", "", "idle", 0, errored=1)) == "at_risk"
    assert engines.judge(replace(waiting, state="stopped")) == "stopped"
    assert engines.judge(replace(waiting, fresh=False)) == "unknown"


def test_what_an_engine_said_before_it_was_away_is_not_shown_as_now(watcher: Watcher) -> None:
    (row,) = watcher.hospital.engine_rows
    stale = tuple(replace(one, fresh=False, at=NOW - timedelta(minutes=20)) for one in row.channels)
    watcher.hospital.engine_rows = [
        replace(row, state="away", since=NOW - timedelta(minutes=20), channels=stale)
    ]
    page = watcher.read("/interfaces")
    assert "The engine does not answer since" in page
    assert "queued in the engine" not in page
    assert "20 m ago" in page
    assert "disconnected" not in page
    later = Watcher()
    later.hospital.engine_rows = []
    assert "Engine" not in later.read("/interfaces")


def test_administration_shows_definitions_and_who_looked() -> None:
    watcher = Watcher("admin")
    watcher.look(f"/encounter/{JOURNEY}")
    page = watcher.read("/admin")
    assert "apiVersion: caretrail/v1" in page
    assert "saw encounter" in page
    assert "10.0.0.7" in page
    watcher.feed.close()


def test_text_from_messages_stays_text(watcher: Watcher) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    row = instance("failed", timedelta(minutes=5), facility=nasty)
    watcher.hospital.rows = [row]
    shown = json.loads(to_json_plotly(watcher.look("/").body))
    assert nasty in json.dumps(shown)
    assert "dangerously" not in json.dumps(shown)


def test_downloads_hold_what_the_page_shows(site: Site) -> None:
    visitor = site.signed_in("noc")
    answer = visitor.get("/export/exceptions.csv?state=overdue&facility=NSH-NORTH")
    lines = answer.text.splitlines()
    assert lines[0].startswith("workflow,journey,occurrence,state,step")
    assert len(lines) == 2
    assert answer.headers["content-disposition"].startswith(
        'attachment; filename="caretrail-exceptions-20260310T'
    )
    assert {look.action for look in site.hospital.looks} == {"export"}
    assert visitor.get("/export/interfaces.csv").text.count("\n") == 6
    assert "POST /journals" in visitor.get(f"/export/encounter/{JOURNEY}.csv").text
    assert visitor.get("/export/encounter/" + "0" * 31 + "1.csv").status == 404


def test_a_spreadsheet_does_not_run_what_a_message_carried() -> None:
    table = text([("name", "late"), ("=cmd|' /C calc'!A0", "-42"), ("@x", "+1 way")])
    assert table.splitlines()[1:] == ["'=cmd|' /C calc'!A0,-42", "'@x,'+1 way"]


def test_csv_columns_fit_their_rows() -> None:
    for table in (executive.csv_rows([kpi()]), interfaces.csv_rows(FakeHospital().lines)):
        assert {len(row) for row in table} == {len(table[0])}


@pytest.mark.parametrize("path", sorted(ASSETS.rglob("*.*")), ids=lambda path: path.name)
def test_no_asset_speaks_of_another_host(path: Path) -> None:
    if path.suffix in (".css", ".js", ".svg"):
        found = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"']*", path.read_text())
        assert [address for address in found if "www.w3.org" not in address] == []


def test_the_typeface_is_shipped_with_its_licence() -> None:
    assert (ASSETS / "inter.woff2").read_bytes()[:4] == b"wOF2"
    assert "SIL OPEN FONT LICENSE" in (ASSETS / "inter.LICENSE.txt").read_text().upper()


@pytest.mark.parametrize("path", [place.path for place in PLACES] + [f"/encounter/{JOURNEY}"])
def test_a_page_becomes_a_tree_of_elements_and_text(path: str) -> None:
    watcher = Watcher("admin")
    (tree,) = components.plain(watcher.look(path).body)
    texts: list[str] = []

    def check(node: object) -> None:
        if isinstance(node, str):
            texts.append(node)
            return
        assert isinstance(node, list)
        tag, attributes, *children = node
        assert re.fullmatch(r"[a-z][a-z0-9]*", tag)
        assert isinstance(attributes, dict)
        assert "children" not in attributes
        json.dumps(attributes)
        for child in children:
            check(child)

    check(tree)
    assert re.sub(r"\s+", "", "".join(texts)) == re.sub(r"\s+", "", watcher.read(path))
    watcher.feed.close()


def test_rows_keep_their_identity_when_the_list_reorders(watcher: Watcher) -> None:
    tree = json.dumps(components.plain(watcher.look("/").body))
    for row in watcher.hospital.rows:
        assert f'"data-key": "discharge-to-cash/{row.journey}/1"' in tree


def test_trouble_of_today_stands_above_what_nobody_closed_last_month(watcher: Watcher) -> None:
    watcher.hospital.rows.insert(0, instance("failed", timedelta(days=29), facility="NSH-OLD"))
    page = watcher.read("/")
    assert page.index("1 h 42 m late") < page.index("More than a day old") < page.index("28 d late")


def test_a_reconciliation_says_the_numbers_first_and_then_whose_they_are() -> None:
    watcher = Watcher("noc")
    page = watcher.read("/reconciliation")
    assert page.index("Used says 21, decremented says 20") < page.index("Quantity: used = decremented")
    assert "2 cases still in time" in page
    assert "visit ••••041" in page
    assert "missing" in page
    assert [(look.action, look.journey) for look in watcher.hospital.looks] == [("list_reconciliation", "")]


def test_an_executive_sees_sums_and_that_somebody_can_name_them() -> None:
    watcher = Watcher("executive")
    page = watcher.read("/reconciliation")
    assert "Used says 21, decremented says 20" in page
    assert "1 case makes the difference; operations can name it." in page
    assert "••••041" not in page
    assert watcher.hospital.looks == []


def test_a_reconciliation_without_messages_or_sense_says_so() -> None:
    watcher = Watcher()
    assert "Nothing was counted in this time" in watcher.read("/reconciliation", workflow="census")
    assert "cannot group by §" in watcher.read("/reconciliation", by="§")


def test_a_workflow_is_shown_in_words_as_text_and_with_its_versions() -> None:
    watcher = Watcher()
    page = watcher.read("/workflows")
    assert "discharge-to-cash, version 2" in page
    assert "This text is not valid any more" in page
    assert "judges what starts from" in page
    assert "apiVersion: caretrail/v1" in page
    assert "Look for deviations" in page
    asked = watcher.read("/workflows", deviations="1")
    assert "a happened after its deadline" in asked
    assert [look.action for look in watcher.hospital.looks] == ["list_deviations"]
    assert "Not for your role" in Watcher("executive").read("/workflows")


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ("refused the charge at 2026-11-23 10:28 (AE, 204).", ["2026-11-23 10:28"]),
        ("89.5 % of 172 encounters within 13 h 33 min.", ["89.5 %", "13 h 33 min"]),
        ("Reached the ERP 10 seconds after discharge.", []),
        ("3 d 2 hours, 1,204 ms", ["3 d", "1,204 ms"]),
    ],
)
def test_a_sentence_keeps_its_words_and_its_dates_and_amounts_whole(said: str, whole: list[str]) -> None:
    (tree,) = components.plain(html.P(components.sentence(said)))
    parts = tree[2:]
    assert "".join(part if isinstance(part, str) else part[2] for part in parts) == said
    assert [part[2] for part in parts if not isinstance(part, str)] == whole
