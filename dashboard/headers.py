"""The headers that keep a page to itself: no third party, no frame, no cache, no referrer.

An ASGI layer around everything, called by `dashboard.app`.  Must never loosen a policy per page: one policy,
checked by one test that loads every page in a real browser.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def content_security_policy(script_hashes: Sequence[str]) -> str:
    """The policy.  script_hashes: those of the one inline script Dash starts its renderer with.

    Style elements must be allowed inline because Dash's core components bring their styles inside their
    bundles; scripts are this server's files and nothing else, and data leaves for this server only.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' " + " ".join(script_hashes),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class SecurityHeaders:
    """Adds the headers to every answer; one that says how it may be cached keeps its word."""

    def __init__(self, app: ASGIApp, policy: str) -> None:
        self._app = app
        self._fixed = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        static = scope["path"].startswith(("/assets/", "/_dash-component-suites/"))

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._fixed.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-cache" if static else "no-store"
            await send(message)

        await self._app(scope, receive, dressed)
