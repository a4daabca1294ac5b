"""REST under /api/v1, as it was fixed for others to build on."""

from __future__ import annotations

import pytest
from fastapi import HTTPException

from dashboard.api import reading
from tests.dashboard.conftest import Site
from tests.dashboard.fake_hospital import JOURNEY


def test_a_number_heard_on_the_phone_finds_its_journey(site: Site) -> None:
    answer = site.program().post("/api/v1/journeys/search", {"value": " v2600041 ", "kind": "visit"})
    assert answer.status == 200
    (found,) = answer.json["journeys"]
    assert found["journey"] == JOURNEY
    assert found["certainty"] == "certain"
    assert found["hops"] == 4
    assert found["trace_ids"][0] == JOURNEY
    (workflow,) = found["workflows"]
    assert (workflow["name"], workflow["state"]) == ("discharge-to-cash", "failed")
    assert [(step["name"], step["state"]) for step in workflow["steps"]][2] == ("ERP posted", "failed")
    assert set(workflow["steps"][0]) == {"name", "state", "at", "deadline"}


@pytest.mark.parametrize("value", ["A7700123", JOURNEY.upper()])
def test_the_kind_may_be_left_out_and_a_token_is_a_value_too(site: Site, value: str) -> None:
    assert site.program().post("/api/v1/journeys/search", {"value": value}).json["journeys"]


def test_an_unknown_number_and_the_wrong_kind_find_nothing(site: Site) -> None:
    program = site.program()
    assert program.post("/api/v1/journeys/search", {"value": "V0"}).json == {"journeys": []}
    assert program.post("/api/v1/journeys/search", {"value": "V2600041", "kind": "claim"}).json == {
        "journeys": []
    }


def test_a_search_that_found_somebody_is_recorded_without_what_was_typed(site: Site) -> None:
    site.signed_in(who="rivera").post("/api/v1/journeys/search", {"value": "V2600041"})
    (look,) = site.hospital.looks
    assert (look.who, look.role, look.action, look.journey) == ("rivera", "engineer", "search", JOURNEY)
    assert look.where_from == "127.0.0.1"
    assert "V2600041" not in repr(look)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"value": ""},
        {"value": "x" * 200},
        {"value": "V1", "patient": "x"},
        {"value": "V1", "values": ["V2"]},
        {"values": []},
        [],
    ],
)
def test_a_search_that_makes_no_sense_is_refused(site: Site, body: object) -> None:
    answer = site.program().post("/api/v1/journeys/search", body)
    assert answer.status == 422
    assert all(set(problem) == {"loc", "msg", "type"} for problem in answer.json["detail"])


def test_search_terms_have_no_address(site: Site) -> None:
    assert site.program().get("/api/v1/journeys/search?value=V2600041").status in (404, 405, 422)


def test_workflows_are_counted(site: Site) -> None:
    first = site.program().get("/api/v1/workflows").json["workflows"][0]
    assert first["name"] == "discharge-to-cash"
    assert first["counts"]["overdue"] == 12
    assert first["on_time_24h"] == pytest.approx(0.914)


def test_instances_by_state(site: Site) -> None:
    program = site.program()
    answer = program.get("/api/v1/workflows/discharge-to-cash/instances?state=overdue&limit=2").json
    assert answer["workflow"] == "discharge-to-cash"
    assert [row["state"] for row in answer["instances"]] == ["overdue", "overdue"]
    assert answer["instances"][0]["step"] == "billing ready"
    assert program.get("/api/v1/workflows/discharge-to-cash/instances?state=late").status == 422
    assert program.get("/api/v1/workflows/discharge-to-cash/instances?limit=0").status == 422
    missing = program.get("/api/v1/workflows/no-such/instances")
    assert missing.status == 404
    assert "GET /api/v1/workflows lists them" in missing.json["detail"]


def test_people_who_list_patients_are_recorded_and_programs_that_poll_are_not(site: Site) -> None:
    path = "/api/v1/workflows/discharge-to-cash/instances?state=overdue"
    site.program().get(path)
    assert site.hospital.looks == []
    site.signed_in("noc").get(path)
    assert {look.action for look in site.hospital.looks} == {"list"}


def test_interfaces(site: Site) -> None:
    rows = {row["name"]: row for row in site.program().get("/api/v1/interfaces").json["interfaces"]}
    assert rows["billing-adt-dft"]["state"] == "silent"
    assert rows["erp-journals"]["error_rate"] == pytest.approx(0.041)


def test_engines(site: Site) -> None:
    (engine,) = site.program().get("/api/v1/engines").json["engines"]
    assert (engine["name"], engine["state"], engine["fresh"]) == ("oie", "up", True)
    billing = engine["channels"][1]
    assert (billing["queued"], billing["connectors"][0]["connection"]) == (1412, "disconnected")
    path = f"/api/v1/engines/oie/channels/{billing['channel_id'].replace(' ', '%20')}/history?hours=2"
    history = site.program().get(path).json
    assert history["minutes"][0]["deepest"] == 12
    assert site.program().get("/api/v1/engines/oie/channels/nope/history").status == 404
    assert site.signed_in("executive").get("/api/v1/engines").status == 403


@pytest.mark.parametrize("path", ["/api/v1/nonsense", "/api/v2/workflows", "/v1/traces", "/export/x.csv"])
def test_an_unknown_address_of_a_program_is_a_404_in_json(site: Site, path: str) -> None:
    answer = site.signed_in("admin").get(path)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("application/json")


def test_an_unknown_page_is_a_404_for_people(site: Site) -> None:
    visitor = site.signed_in("admin")
    for path in ("/nonsense", "/encounter/", "/encounter/not-a-token", "/executive/x", "/_dash-nonsense"):
        assert visitor.get(path, Accept="text/html").status == 404, path
    assert "There is no such page" in visitor.get("/nonsense", Accept="text/html").text


def test_the_interface_describes_itself(site: Site) -> None:
    described = site.program().get("/api/v1/openapi.json").json
    assert described["info"]["version"] == "1.2.3"
    assert {
        "/api/v1/journeys/search",
        "/api/v1/workflows",
        "/api/v1/workflows/{name}/instances",
        "/api/v1/interfaces",
    } <= set(described["paths"])


def test_a_store_that_is_away_is_a_503_with_when_to_ask_again(site: Site) -> None:
    site.hospital.away = True
    answer = site.program().get("/api/v1/interfaces")
    assert answer.status == 503
    assert answer.headers["retry-after"] == "2"


def test_sql_reads(site: Site) -> None:
    answer = site.program().post("/api/v1/sql", {"sql": "SELECT 42 AS answer;"})
    assert answer.json == {"names": ["answer"], "rows": [[42]], "truncated": False}
    assert site.program().post("/api/v1/sql", {"sql": "DROP TABLE spans"}).status == 400


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "WITH 1 AS x SELECT x",
        "SHOW TABLES",
        "DESCRIBE spans",
        "EXPLAIN SELECT 1",
        "EXISTS spans",
        "-- why\nSELECT 1",
        "SELECT 'a;b', 'file(x)' -- url(",
        "SELECT count() FROM spans WHERE name = 'it''s;'",
        "SELECT position(name, 'x') FROM spans",
        "SELECT `name`, \"kind\" FROM `spans` WHERE (name = 'it''s')",
    ],
)
def test_what_only_reads_is_let_through(sql: str) -> None:
    assert reading(sql + " ; ") == sql.strip()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO spans VALUES (1)",
        "SELECT 1; DROP TABLE spans",
        "ALTER TABLE spans DELETE WHERE 1",
        "",
        "SELECT * FROM file('/etc/passwd')",
        "SELECT * FROM url ('http://x')",
        "SELECT 1 INTO OUTFILE 'x'",
        "SELECT * FROM s3Cluster('a', 'b')",
        "/* SELECT */ DROP TABLE spans",
        "select * from remote('h', 'd', 't')",
        "SELECT 1 /* ; */ ; TRUNCATE TABLE spans",
        "SELECT * FROM `file`('/etc/passwd')",
        "SELECT * FROM \"\\x66ile\" ('/etc/passwd')",
        """SELECT 1 AS "'", x FROM file('/etc/passwd') AS "'" """,
        "SELECT $$'$$, x FROM file('/etc/passwd') WHERE x = $$'$$",
    ],
)
def test_what_does_more_than_read_is_not(sql: str) -> None:
    with pytest.raises(HTTPException):
        reading(sql)
