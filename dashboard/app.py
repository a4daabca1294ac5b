"""The whole dashboard as one ASGI application: door, headers, REST, downloads, pages.

Dash lives on a FastAPI of its own behind this one, because left alone it answers every unknown address with
its page; here an unknown address is a 404, as a page for people and as JSON for programs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import (
    api,
    audit_events,
    detail,
    engines,
    explaining,
    export,
    identity_api,
    notices,
    reveal,
    runbook,
    searching,
    shell,
    workflow_api,
)
from dashboard.auth import Doorkeeper, Gate
from dashboard.feed import Feed
from dashboard.headers import SecurityHeaders, content_security_policy
from dashboard.pages.admin import Check
from dashboard.places import Guide, known
from dashboard.settings import DashboardSettings
from dashboard.source import Source, StoreSource
from tracing.keys import Sealer
from tracing.store import Store, StoreRefused, StoreUnavailable

_OPEN = ("/assets/", "/healthz", "/readyz", "/metrics")
_DASH = ("/_dash-", "/_reload-hash", "/_favicon.ico", "/assets/")


def utc_now() -> datetime:
    """The clock of a real dashboard."""
    return datetime.now(UTC)


def create_app(
    store: Store | None,
    settings: DashboardSettings,
    sealer: Sealer | None,
    *,
    gate: Gate,
    doctor: Callable[[], Sequence[Check]] | None = None,
    routers: Sequence[APIRouter] = (),
    source: Source | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The application, to be served by uvicorn or mounted at `/`.

    store: asked through handles of its own, closed when the application ends. gate: mint a link with it and
    print `/?token=…`. doctor: checks for `/admin`. routers: served before the pages; `/healthz`, `/readyz`
    and `/metrics` in them need no session. source: answers instead of the store. Raises ValueError without
    either, zoneinfo.ZoneInfoNotFoundError for a zone that does not exist.
    """
    if source is None:
        if store is None:
            raise ValueError("a dashboard needs a store or a source")
        source = StoreSource(store, settings.zone)
    asked = source
    _ = settings.tz
    feed = Feed(clock)
    guide = Guide(feed, asked, settings, sealer, doctor, clock)
    dash = shell.build(settings, guide, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        feed.close()
        asked.close()

    app = FastAPI(
        title="Caretrail",
        version=settings.version or "0",
        summary="Did it reach where it had to go, in time, and if not, where did it stop?",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    for router in routers:
        app.include_router(router)
    app.include_router(searching.router(asked, feed, sealer, clock))
    app.include_router(explaining.router(asked, feed, sealer, clock))
    app.include_router(api.router(asked, feed, clock))
    app.include_router(detail.router(asked, feed, clock))
    app.include_router(identity_api.router(asked, feed, clock))
    app.include_router(audit_events.router(asked, feed, settings.site, clock))
    app.include_router(reveal.router(asked, feed, sealer, clock))
    app.include_router(engines.router(asked, feed, clock))
    app.include_router(workflow_api.router(asked, feed, clock))
    app.include_router(runbook.router(settings, feed))
    app.include_router(export.router(guide, feed, asked, settings.executive_days, clock))
    app.add_exception_handler(StoreUnavailable, _unavailable)
    app.add_exception_handler(StoreRefused, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.router.default = Pages(dash.server)
    app.add_middleware(Doorkeeper, gate=gate, open_prefixes=_OPEN, secure=settings.secure_cookie)
    app.add_middleware(SecurityHeaders, policy=content_security_policy(dash.csp_hashes()))
    return app


class Pages:
    """Addresses that no router took: the app's pages, Dash's own, or a 404 that looks like one."""

    def __init__(self, dash: ASGIApp) -> None:
        self._dash = dash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] != "http":
            # A lifespan event would make Dash claim every address; a WebSocket was refused at the door.
            return
        if path.startswith(_DASH):
            await self._dash(scope, receive, send)
        elif known(path) and scope["method"] in ("GET", "HEAD"):
            # Every page is Dash's one page; the browser reads the address and asks for what belongs there.
            await self._dash({**scope, "path": "/", "raw_path": b"/"}, receive, send)
        elif path.startswith(("/api/", "/export/", "/v1/")) or scope["method"] not in ("GET", "HEAD"):
            await JSONResponse({"detail": "there is nothing at this address"}, 404)(scope, receive, send)
        else:
            await notices.page(404, "missing")(scope, receive, send)


async def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse(
        {"detail": f"the store does not answer now ({type(error).__name__}); try again"},
        503,
        headers={"Retry-After": "2"},
    )


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    """What is wrong and where, without what was sent: it may have been somebody's number."""
    assert isinstance(error, RequestValidationError)
    detail = [{"loc": list(one["loc"]), "msg": one["msg"], "type": one["type"]} for one in error.errors()]
    return JSONResponse({"detail": detail}, 422)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 400)
