"""Who may look: one-time links, signed session cookies, bearer tokens for the interface.

`Gate` mints and redeems; `Doorkeeper` is the ASGI layer in front of everything the dashboard serves. Called
by `dashboard.app`; the front door calls `Gate.mint` to print a link. Must never write a token or a cookie
into a log, an address that stays in the browser's history, or an error text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import notices

COOKIE: Final = "caretrail_session"
ROLES: Final = ("executive", "noc", "engineer", "admin")

_session: ContextVar[Session | None] = ContextVar("caretrail_session", default=None)
_address: ContextVar[str] = ContextVar("caretrail_address", default="")


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who was let in.  who: an account's name, never a patient's; expires: UTC."""

    who: str
    role: str
    expires: datetime

    def may(self, roles: frozenset[str]) -> bool:
        """Whether this session's role is one of `roles`; an admin may everything."""
        return self.role == "admin" or self.role in roles


def current_session() -> Session | None:
    """The session of the request that is being answered, None outside of one."""
    return _session.get()


def current_address() -> str:
    """Where the request that is being answered came from, for audit rows."""
    return _address.get()


class Gate:
    """Mints one-time tokens and turns them into signed cookies.

    secret: signs cookies; a fresh one per process when not given, so that a restart ends every session.
    api_token: the bearer token of `/api`; None closes `/api` to bearers.  Thread-safe.
    """

    def __init__(
        self,
        *,
        secret: bytes | None = None,
        api_token: str | None = None,
        session_length: timedelta = timedelta(hours=12),
        link_length: timedelta = timedelta(hours=12),
    ) -> None:
        self._secret = secret or secrets.token_bytes(32)
        self._api_digest = hashlib.sha256(api_token.encode()).digest() if api_token else None
        self._session_length = session_length
        self._link_length = link_length
        self._links: dict[bytes, Session] = {}
        self._lock = threading.Lock()

    def mint(self, who: str = "operator", role: str = "admin", *, now: datetime | None = None) -> str:
        """A token that lets `who` in once as `role`; raises ValueError for a role that does not exist."""
        if role not in ROLES:
            raise ValueError(f"role {role!r} does not exist; one of {', '.join(ROLES)}")
        moment = now or datetime.now(UTC)
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._links = {key: link for key, link in self._links.items() if link.expires > moment}
            self._links[self._digest(token)] = Session(who, role, moment + self._link_length)
        return token

    def redeem(self, token: str, now: datetime) -> Session | None:
        """The session a token stands for, once; None when it is unknown, used or too old."""
        with self._lock:
            link = self._links.pop(self._digest(token), None)
        if link is None or link.expires <= now:
            return None
        return Session(link.who, link.role, now + self._session_length)

    def seal(self, session: Session) -> str:
        """The cookie value of a session: its facts and a keyed signature over them."""
        facts = json.dumps([session.who, session.role, int(session.expires.timestamp())]).encode()
        body = base64.urlsafe_b64encode(facts).rstrip(b"=").decode()
        return f"{body}.{self._sign(body)}"

    def unseal(self, cookie: str, now: datetime) -> Session | None:
        """The session of a cookie; None when the signature is wrong or its time is over."""
        body, dot, signature = cookie.partition(".")
        if not dot or not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return None
        who, role, expires = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        session = Session(str(who), str(role), datetime.fromtimestamp(int(expires), UTC))
        return session if session.expires > now else None

    def bearer(self, header: str, now: datetime) -> Session | None:
        """The session of an `Authorization` header; None when it does not carry the token of `/api`."""
        scheme, _, token = header.partition(" ")
        if self._api_digest is None or scheme.lower() != "bearer":
            return None
        given = hashlib.sha256(token.strip().encode()).digest()
        if not hmac.compare_digest(given, self._api_digest):
            return None
        return Session("api", "admin", now + self._session_length)

    def _sign(self, body: str) -> str:
        return hmac.new(self._secret, f"session|{body}".encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _digest(token: str) -> bytes:
        return hashlib.sha256(token.encode()).digest()


class Doorkeeper:
    """ASGI layer: lets a session through, turns a one-time link into one, shows everybody else the way."""

    def __init__(self, app: ASGIApp, gate: Gate, *, open_prefixes: tuple[str, ...], secure: bool) -> None:
        self._app = app
        self._gate = gate
        self._open = open_prefixes
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # Nothing here speaks WebSocket, but Dash registers a route for it: keep it out of reach.
            await send({"type": "websocket.close", "code": 4403, "reason": "not served"})
            return
        if scope["type"] != "http" or scope["path"].startswith(self._open):
            await self._app(scope, receive, send)
            return
        now = datetime.now(UTC)
        headers = Headers(scope=scope)
        session = self._from_cookie(headers.get("cookie", ""), now)
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        is_api = scope["path"].startswith("/api/")
        token = next((value for name, value in query if name == "token"), None)
        if token is not None and not is_api and scope["method"] == "GET":
            await self._enter(scope, token, query, session, now)(scope, receive, send)
            return
        if session is not None and scope["method"] not in ("GET", "HEAD") and _from_elsewhere(headers):
            await self._refuse(scope, headers, 403, "elsewhere")(scope, receive, send)
            return
        if session is None and is_api:
            session = self._gate.bearer(headers.get("authorization", ""), now)
        if session is None:
            await self._refuse(scope, headers, 401, "unknown")(scope, receive, send)
            return
        scope.setdefault("state", {})["session"] = session
        mine, from_here = _session.set(session), _address.set((scope.get("client") or ("",))[0])
        try:
            await self._app(scope, receive, send)
        finally:
            _session.reset(mine)
            _address.reset(from_here)

    def _enter(
        self, scope: Scope, token: str, query: list[tuple[str, str]], session: Session | None, now: datetime
    ) -> Response:
        entered = self._gate.redeem(token, now)
        if entered is None and session is None:
            return notices.page(401, "used")
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), status_code=303)
        if entered is not None:
            response.set_cookie(
                COOKIE,
                self._gate.seal(entered),
                max_age=int((entered.expires - now).total_seconds()),
                httponly=True,
                samesite="strict",
                secure=self._secure,
                path="/",
            )
        return response

    def _from_cookie(self, header: str, now: datetime) -> Session | None:
        try:
            found = SimpleCookie(header).get(COOKIE)
        except CookieError:
            return None
        return self._gate.unseal(found.value, now) if found else None

    @staticmethod
    def _refuse(scope: Scope, headers: Headers, status: int, why: str) -> Response:
        if "text/html" in headers.get("accept", "") and not scope["path"].startswith("/api/"):
            return notices.page(status, why)
        challenge = {"WWW-Authenticate": 'Bearer realm="caretrail"'} if status == 401 else {}
        return JSONResponse({"detail": notices.words(why)[1]}, status_code=status, headers=challenge)


def _from_elsewhere(headers: Headers) -> bool:
    """Whether a browser says that another site made it send this request."""
    origin = headers.get("origin", "null")
    return origin != "null" and origin.partition("://")[2] != headers.get("host", "")
