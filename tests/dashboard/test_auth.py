"""Who gets in: one-time links, signed cookies, bearer tokens, and nobody else."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from dashboard import Gate
from tests.dashboard.conftest import Site
from tests.dashboard.fake_hospital import JOURNEY
from tests.dashboard.fake_moment import NOW

PAGES = ["/", "/executive", "/exceptions", "/interfaces", "/objectives", "/admin", f"/encounter/{JOURNEY}"]
DATA = ["/_dash-layout", "/_dash-dependencies", "/export/exceptions.csv", "/no-such-page"]


@pytest.mark.parametrize("path", [*PAGES, *DATA])
def test_a_stranger_gets_a_page_that_says_how_to_enter(site: Site, path: str) -> None:
    answer = site.stranger().get(path, Accept="text/html")
    assert answer.status == 401
    assert "You are not signed in" in answer.text
    assert "Caretrail is ready" in answer.text


def test_a_program_without_a_token_gets_json(site: Site) -> None:
    answer = site.stranger().get("/api/v1/workflows")
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "detail" in answer.json


def test_a_link_works_once_and_leaves_a_clean_address(site: Site) -> None:
    token = site.gate.mint("rivera", "noc")
    first = site.stranger().get(f"/exceptions?state=overdue&token={token}&facility=NSH")
    assert first.status == 303
    assert first.headers["location"] == "/exceptions?state=overdue&facility=NSH"
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert token not in cookie
    again = site.stranger().get(f"/?token={token}", Accept="text/html")
    assert again.status == 401
    assert "This link has been used" in again.text


def test_a_link_opened_again_in_a_signed_in_browser_just_goes_on(site: Site) -> None:
    visitor = site.signed_in()
    answer = visitor.get("/?token=one-that-was-used")
    assert (answer.status, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("path", PAGES)
def test_a_session_opens_every_page(site: Site, path: str) -> None:
    answer = site.signed_in("admin").get(path)
    assert answer.status == 200
    assert "react-entry-point" in answer.text
    assert JOURNEY not in answer.text


def test_a_cookie_that_was_changed_or_is_too_old_opens_nothing(site: Site) -> None:
    visitor = site.signed_in("noc")
    body, _, signature = visitor.cookie.partition(".")
    visitor.cookie = f"{body}x.{signature}"
    assert visitor.get("/").status == 401
    visitor.cookie = f"{body}.{signature[:-1]}"
    assert visitor.get("/").status == 401
    visitor.cookie = "caretrail_session=nonsense; other"
    assert visitor.get("/").status == 401

    gate = Gate(secret=b"s" * 32, session_length=timedelta(hours=1))
    session = gate.redeem(gate.mint("rivera", "noc", now=NOW), NOW)
    assert session is not None
    cookie = gate.seal(session)
    assert gate.unseal(cookie, NOW + timedelta(minutes=59)) == session
    assert gate.unseal(cookie, NOW + timedelta(minutes=61)) is None
    assert Gate(secret=b"t" * 32).unseal(cookie, NOW) is None


def test_a_link_that_waited_too_long_is_worth_nothing() -> None:
    gate = Gate(link_length=timedelta(minutes=10))
    token = gate.mint(now=NOW)
    assert gate.redeem(token, NOW + timedelta(minutes=11)) is None
    with pytest.raises(ValueError, match="role 'nurse' does not exist"):
        gate.mint("rivera", "nurse")


def test_a_bearer_token_opens_the_interface_and_no_page(site: Site) -> None:
    program = site.program()
    assert program.get("/api/v1/workflows").status == 200
    assert program.get("/").status == 401
    program.headers = {"Authorization": "Bearer something-else"}
    assert program.get("/api/v1/workflows").status == 401


def test_another_site_cannot_use_a_session(site: Site) -> None:
    visitor = site.signed_in()
    body = {"value": "V2600041"}
    assert visitor.post("/api/v1/journeys/search", body, Origin="https://elsewhere.example").status == 403
    assert visitor.post("/api/v1/journeys/search", body, Origin=f"http://127.0.0.1:{site.port}").status == 200


def test_roles_see_what_is_theirs(site: Site) -> None:
    executive = site.signed_in("executive")
    assert executive.get("/api/v1/workflows").status == 200
    assert executive.get("/api/v1/workflows/discharge-to-cash/instances").status == 403
    assert executive.post("/api/v1/journeys/search", {"value": "V2600041"}).status == 403
    assert executive.get("/export/exceptions.csv").status == 403
    assert executive.get("/export/executive.csv").status == 200
    assert site.signed_in("engineer").post("/api/v1/sql", {"sql": "SELECT 1"}).status == 403


def test_no_websocket_is_answered(site: Site) -> None:
    visitor = site.signed_in("admin")
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as connection:
        connection.sendall(
            b"GET /_dash-ws-callback HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://x\r\n"
            b"Cookie: " + visitor.cookie.encode() + b"\r\n\r\n"
        )
        status = connection.recv(4096).split(b"\r\n")[0].split()[1]
    assert status != b"101"


@pytest.mark.parametrize("path", ["/", "/api/v1/workflows", "/no-such-page", "/assets/caretrail.js"])
def test_every_answer_carries_the_headers(site: Site, path: str) -> None:
    headers = site.signed_in("admin").get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe-inline" not in scripts
    assert "http" not in scripts
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/assets/") else "no-store")
