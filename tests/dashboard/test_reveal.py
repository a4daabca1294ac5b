"""A person with a reason sees one key or one message; first it is written down who, what and why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboard.source import StoreSource
from tests.dashboard.conftest import Site
from tests.dashboard.fake_doubts import SITE_KEY
from tests.dashboard.fake_hospital import JOURNEY, SEALER, VISIT, journey
from tests.dashboard.served import Answer
from tracing.bodies import BodySealer
from tracing.keys import Key
from tracing.store import Store, StoreUnavailable

WHY = "claim 4711 was refused"
HOP = journey("failed").hops[1]
MESSAGE = "MSH|^~\\&|EHR|NSH\rPID|1||10002^^^NSH\r"
TOKEN = SEALER.token(VISIT)


def ask(site: Site, role: str = "engineer", **body: object) -> Answer:
    asked = {"journey": JOURNEY, "what": "key", "about": TOKEN, "reason": WHY, **body}
    return site.signed_in(role).post("/api/v1/reveal", asked)


@pytest.mark.parametrize("role", ["engineer", "admin"])
def test_a_key_is_opened_and_it_is_written_down_why(site: Site, role: str) -> None:
    answer = ask(site, role)
    assert answer.status == 200
    assert answer.json["value"] == VISIT.value
    assert answer.headers["cache-control"] == "no-store"
    (look,) = site.hospital.looks
    assert (look.who, look.role, look.action, look.journey) == ("rivera", role, "reveal_key", JOURNEY)
    assert look.why == WHY
    assert VISIT.value not in repr(look)


def test_a_message_is_opened_with_its_answer(site: Site) -> None:
    bodies = BodySealer(SITE_KEY)
    sealed = (
        bodies.seal(MESSAGE.encode()).decode(),
        bodies.seal("MSA|AA|1\rNTE|Größe".encode("latin-1")).decode(),
    )
    site.hospital.bodies[HOP.trace_id, HOP.span_id] = sealed
    answer = ask(site, what="message", about=HOP.span_id)
    assert (answer.status, answer.json["value"], answer.json["answer"]) == (
        200,
        MESSAGE,
        "MSA|AA|1\rNTE|Größe",
    )
    (look,) = site.hospital.looks
    assert (look.action, look.why) == ("reveal_message", f"{WHY} ({HOP.span_id})")


@pytest.mark.parametrize("role", ["noc", "executive"])
def test_others_may_not(site: Site, role: str) -> None:
    answer = ask(site, role)
    assert answer.status == 403
    assert VISIT.value not in answer.text


def test_a_program_may_not(site: Site) -> None:
    body = {"journey": JOURNEY, "what": "key", "about": TOKEN, "reason": WHY}
    assert site.program().post("/api/v1/reveal", body).status == 403
    assert site.stranger().post("/api/v1/reveal", body).status == 401


def test_what_cannot_be_written_down_is_not_shown(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(looks: object) -> None:
        raise StoreUnavailable("the store is away")

    monkeypatch.setattr(site.hospital, "record", refuse)
    answer = ask(site)
    assert answer.status == 503
    assert VISIT.value not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"about": SEALER.token(Key("visit", "NSH", "V1"))},
        {"journey": "0" * 31 + "1"},
        {"what": "message", "about": HOP.span_id},
        {"what": "message", "about": "0" * 16},
    ],
)
def test_what_is_not_of_this_encounter_is_not_there(site: Site, body: dict[str, object]) -> None:
    assert ask(site, **body).status == 404
    assert site.hospital.looks == []


@pytest.mark.parametrize(
    "body", [{"reason": ""}, {"reason": "x" * 201}, {"about": "V2600041"}, {"what": "all"}]
)
def test_a_request_without_a_reason_or_a_token_is_refused(site: Site, body: dict[str, object]) -> None:
    answer = ask(site, **body)
    assert answer.status == 422
    assert site.hospital.looks == []


def test_what_another_key_sealed_is_not_opened(site: Site) -> None:
    site.hospital.bodies[HOP.trace_id, HOP.span_id] = ("AbCd" * 20, "")
    assert ask(site, what="message", about=HOP.span_id).status == 409


def test_the_store_knows_what_was_kept(store: Store) -> None:
    at = datetime.now(UTC)
    rows = [
        ("a" * 32, "1" * 16, "ehr-adt", at, "sealed", "answer"),
        ("b" * 32, "2" * 16, "ehr-adt", at, "", "x"),
    ]
    store.insert("bodies", ["trace_id", "span_id", "interface", "at", "body", "answer"], rows)
    source = StoreSource(store)
    assert source.kept(["a" * 32, "c" * 32]) == {"1" * 16}
    assert source.body("a" * 32, "1" * 16) == ("sealed", "answer")
    assert source.body("a" * 32, "2" * 16) is None
    source.close()
