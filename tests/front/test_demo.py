"""One command shows the whole path: started, used, stopped and started again as a newcomer would."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from tests.front.demo_process import Demo, caretrail, eventually
from tests.ports import free_port

pytestmark = pytest.mark.slow
WORKFLOW = "discharge-to-cash"
OPTIONS = ("--history-days", "3", "--seed", "5")
PROCESSES = ("core", "taps", "hospital")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo"), *OPTIONS)
    yield running
    running.stop()


def test_the_link_lets_in_once_and_the_session_stays(demo: Demo) -> None:
    browser = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )
    with browser.open(demo.link) as page:
        assert page.status == 200
        assert "token" not in page.url
    with browser.open(demo.url + "/executive") as page:
        assert page.status == 200
    stranger = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError, match="401"):
        stranger.open(demo.link)


def test_the_commands_it_says_to_try_answer_what_it_says(demo: Demo, tmp_path: Path) -> None:
    tries = eventually(lambda: [line.split() for line in demo.told if line.startswith("Try: ")])
    for words in tries:
        asked, state = words[words.index("where") :], words.pop().strip("()")
        found = caretrail(*asked[:-1], cwd=tmp_path)
        # What was overdue may have come by now.
        assert found.returncode in ((0,) if state == "completed" else (0, 1)), (state, found.stderr)
        assert "found as visit at " in found.stdout


def test_within_a_minute_there_is_one_of_every_kind(demo: Demo) -> None:
    def all_kinds() -> bool:
        counts = demo.counts(WORKFLOW)
        return all(counts[state] > 0 for state in ("on_track", "completed", "overdue", "failed"))

    assert eventually(all_kinds, within_s=60)


def test_live_traffic_arrives_on_every_interface(demo: Demo) -> None:
    def seen() -> bool:
        rows = demo.sql("SELECT DISTINCT interface FROM spans WHERE start > now() - INTERVAL 90 SECOND")
        return {"ehr-adt", "billing-dft", "erp-journals"} <= {row[0] for row in rows}

    assert eventually(seen, within_s=90)


@pytest.mark.parametrize(
    ("fault", "states", "code"),
    [
        ("none", {"on_track", "completed", "at_risk"}, 0),
        ("erp_refused", {"failed", "overdue"}, 1),
    ],
)
def test_where_answers_in_words_and_with_its_exit_code(
    demo: Demo, tmp_path: Path, fault: str, states: set[str], code: int
) -> None:
    config = str(demo.folder / "caretrail.yaml")
    chosen = None
    for line in (demo.folder / "truth.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["fault"] != fault or record["traits"]:
            continue
        found = caretrail(
            "where", "-", "--json", "--config", config, cwd=tmp_path, standard_input=record["visit"]
        )
        journeys = json.loads(found.stdout)["journeys"]
        held = {each["state"] for one in journeys for each in one["workflows"] if each["name"] == WORKFLOW}
        if held & states and held <= states:
            chosen = record["visit"], found.returncode
            break
    assert chosen is not None, f"nobody with fault {fault} is {states}"
    assert chosen[1] == code
    told = caretrail("where", chosen[0], "--config", config, cwd=tmp_path)
    assert told.returncode == code
    assert "engine accepted" in told.stdout
    assert "ehr → engine" in told.stdout
    assert chosen[0] not in told.stdout


def test_where_says_when_it_knows_nothing_or_cannot_ask(demo: Demo, tmp_path: Path) -> None:
    config = str(demo.folder / "caretrail.yaml")
    assert caretrail("where", "V-NOBODY", "--config", config, cwd=tmp_path).returncode == 2
    other = f"http://127.0.0.1:{free_port()}"
    asked = caretrail("where", "V1", "--config", config, "--url", other, cwd=tmp_path)
    assert (asked.returncode, asked.stderr.count("\n")) == (3, 1)
    assert "no Caretrail answers" in asked.stderr
    assert caretrail("where", "V1", cwd=tmp_path).returncode == 3


def test_doctor_and_sql_ask_the_running_instance(demo: Demo, tmp_path: Path) -> None:
    config = str(demo.folder / "caretrail.yaml")
    report = eventually(
        lambda: (found := caretrail("doctor", "--config", config, cwd=tmp_path)).returncode == 0 and found
    )
    assert "spans" in report.stdout
    asked = caretrail(
        "sql", "SELECT count() > 0 AS any FROM spans", "--format", "json", "--config", config, cwd=tmp_path
    )
    assert asked.stdout.strip() in ('{"any": 1}', '{"any": true}')
    refused = caretrail("sql", "DROP TABLE spans", "--config", config, cwd=tmp_path)
    assert refused.returncode == 3


def test_a_second_instance_on_the_same_folder_is_one_clear_line(demo: Demo, tmp_path: Path) -> None:
    second = caretrail("demo", "--data", str(demo.folder), "--port", str(free_port()), cwd=tmp_path)
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert "another Caretrail" in second.stderr


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = caretrail("demo", "--data", str(tmp_path / "d"), "--port", port, cwd=tmp_path)
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
    assert port in told.stderr
    assert "--port" in told.stderr


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    told = caretrail("demo", "--data", "/proc/caretrail", cwd=tmp_path)
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1
    assert "/proc/caretrail" in told.stderr


def test_ctrl_c_stops_everything_a_second_start_goes_on_and_children_never_outlive_it(demo: Demo) -> None:
    before = {row[0] for row in demo.sql("SELECT DISTINCT span_id FROM spans")}
    children = [demo.pid(name) for name in PROCESSES]
    assert demo.stop() == 0
    for pid in children:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    second = Demo(demo.folder, *OPTIONS, port=demo.port)
    try:
        after = {row[0] for row in second.sql("SELECT DISTINCT span_id FROM spans")}
        assert before <= after
        assert second.sql("SELECT count() - uniqExact(trace_id, span_id) FROM spans FINAL") == [[0]]
        pids = [second.pid(name) for name in PROCESSES]
    finally:
        os.kill(second.process.pid, signal.SIGKILL)
    second.process.wait(10)

    def all_gone() -> bool:
        for pid in pids:
            try:
                stat = Path(f"/proc/{pid}/stat").read_text()
            except FileNotFoundError:
                continue
            if stat.rpartition(")")[2].split()[0] != "Z":
                return False
        return True

    assert eventually(all_gone, within_s=40)
