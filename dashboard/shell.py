"""The frame around every page: header, navigation, search, and the tick that keeps the page true.

Builds the Dash app on its own FastAPI; called by `dashboard.app`. One callback shows pages, one searches;
both run their queries off the event loop. Nothing that was typed ever enters an address.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from fastapi import FastAPI

from dashboard import components, found, lookup
from dashboard.auth import Session, current_address, current_session
from dashboard.components import wild
from dashboard.pages.frame import Frame
from dashboard.places import PLACES, Guide, Shown, place_of
from dashboard.settings import DashboardSettings

_INDEX = """<!DOCTYPE html> <html lang="en" data-theme="dark"> <head> {%metas%} <title>{%title%}</title>
         <link rel="icon" href="/assets/icon.svg" type="image/svg+xml"> <link rel="preload"
         href="/assets/inter.woff2" as="font" type="font/woff2" crossorigin> <script
         src="/assets/first/theme.js"></script> {%css%} </head> <body> {%app_entry%} <footer
         hidden>{%config%}{%scripts%}{%renderer%}</footer> <noscript><p class="nothing">This page needs
         JavaScript; caretrail where KEY answers in a terminal.</p></noscript> </body> </html>
         """

_SKELETON = (
    '<div id="react-entry-point"><div class="skeleton" aria-busy="true" aria-label="Loading">'
    "<i></i><i></i><i></i><b></b><b></b><b></b><b></b></div></div>"
)


_BLANK: components.Node = [
    "div",
    {"className": "skeleton"},
    *[["i", {}] for _ in range(3)],
    ["b", {}],
    ["b", {}],
]


class CaretrailDash(Dash):
    """Dash with a skeleton instead of "Loading...", the site's own icon, and no attempt at WebSockets."""

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = super()._config()  # type: ignore[no-untyped-call]
        # Present, it makes every browser try a connection that nothing here answers.
        config.pop("websocket", None)
        return config

    def interpolate_index(self, *_: str, **parts: str) -> str:
        page = _INDEX
        for name, part in {**parts, "app_entry": _SKELETON}.items():
            page = page.replace("{%" + name + "%}", part)
        return page


def build(settings: DashboardSettings, guide: Guide, now: Any) -> CaretrailDash:
    """The Dash app with its layout and callbacks.  now: callable giving the time, UTC."""
    app = CaretrailDash(
        "dashboard",
        server=FastAPI(openapi_url=None, docs_url=None, redoc_url=None),  # type: ignore[arg-type]
        assets_folder="assets",
        assets_ignore=r"theme\.js",
        title="Caretrail",
        update_title="",
        suppress_callback_exceptions=True,
        add_log_handler=False,
    )
    app.layout = _layout(settings)
    _pages(app, settings, guide, now)
    _search(app, guide)
    # Dash would do this at the first request it sees itself; ours may be a page it does not serve.
    app._setup_server()  # type: ignore[no-untyped-call]
    return app


def _layout(settings: DashboardSettings) -> Component:
    return html.Div(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Interval(id="tick", interval=settings.refresh_s * 1000),
            dcc.Store(id="stamp"),
            html.A("Skip to content", href="#page", className="skip"),
            html.Header(
                [
                    html.Div(
                        [
                            components.link("Caretrail", "/", className="brand"),
                            html.Span(settings.site, className="site"),
                        ],
                        className="names",
                    ),
                    html.Nav([], id="navigation", **wild({"aria-label": "Pages"})),
                    html.Div(
                        [
                            dcc.Input(
                                id="search",
                                type="text",
                                n_submit=0,
                                value="",
                                placeholder="Any number of a patient, visit or message",
                                autoComplete="off",
                                # With it, Enter would be told before what was typed.
                                debounce=False,
                                # A pasted list of the longest numbers.
                                maxLength=(lookup.LONGEST + 2) * lookup.MOST_VALUES,
                                className="search-input",
                            ),
                            html.Kbd("/", title="Press / to search"),
                            html.Div(id="search-answer", role="status", **wild({"aria-live": "polite"})),
                        ],
                        className="search",
                        role="search",
                    ),
                    components.Freshness(id="freshness"),
                    html.Button(
                        "◐",
                        className="theme-toggle",
                        title="Light or dark",
                        **wild({"data-theme-toggle": "1", "aria-label": "Switch between light and dark"}),
                    ),
                ],
                className="top",
            ),
            html.Main(
                components.Drawing(_BLANK, id="body"),
                id="page",
                tabIndex=-1,
            ),
        ],
        className="shell",
    )


def _navigation(path: str, session: Session | None = None) -> list[Component]:
    here = place_of(path)
    return [
        components.link(
            place.label,
            place.path,
            className="chosen" if here is place else "",
            **({"aria-current": "page"} if here is place else {}),
        )
        for place in PLACES
        if session is None or session.may(place.roles)
    ]


def _pages(app: CaretrailDash, settings: DashboardSettings, guide: Guide, now: Any) -> None:
    @app.callback(
        Output("body", "spec"),
        Output("freshness", "data"),
        Output("stamp", "data"),
        Output("navigation", "children"),
        Input("url", "pathname"),
        Input("url", "search"),
        Input("tick", "n_intervals"),
        State("stamp", "data"),
    )
    async def show(path: str | None, search: str | None, _tick: int, stamp: str | None) -> tuple[Any, ...]:
        session = current_session()
        if session is None:
            return no_update, {"error": "signed out"}, no_update, no_update
        query = dict(reversed(parse_qsl((search or "").lstrip("?"))))
        shown = await guide.show(path or "/", query, session, current_address())
        body = ["div", {}, *components.plain(shown.body)]
        mark = _stamp(path or "/", search or "", body)
        moved = ctx.triggered_id != "tick"
        # An unchanged page is not sent again: only its age is.
        same = mark == stamp and not moved
        return (
            no_update if same else body,
            freshness(shown, settings, now()),
            no_update if same else mark,
            # With every page, not only with the first answer to an address: of two answers on their way the
            # browser takes the later one, and a page that takes its time is overtaken by the next tick.
            no_update if same else _navigation(path or "/", session),
        )


def _search(app: CaretrailDash, guide: Guide) -> None:
    @app.callback(
        Output("url", "href"),
        Output("search-answer", "children"),
        Output("search", "value"),
        Input("search", "n_submit"),
        State("search", "value"),
        prevent_initial_call=True,
    )
    async def search(_submitted: int, value: str | None) -> tuple[Any, ...]:
        session = current_session()
        if not value or not value.strip() or session is None:
            return no_update, None, no_update
        if not session.may(frozenset({"noc", "engineer"})):
            return no_update, html.P("Your role sees aggregates only."), no_update
        values = lookup.split(value)
        try:
            frame, outcome, journeys = await guide.search(values, session, current_address())
        except Exception as error:
            return (
                no_update,
                html.P(f"The store did not answer ({type(error).__name__}). Try again."),
                no_update,
            )
        if only := found.straight(outcome):
            return f"/encounter/{only}", None, ""
        return no_update, found.panel(frame, values, outcome, journeys), no_update


def freshness(shown: Shown, settings: DashboardSettings, now: datetime) -> dict[str, Any]:
    """What the browser needs to say how old the page is, and to notice by itself when it gets too old."""
    return {
        "takenAt": shown.taken_at.timestamp() * 1000 if shown.taken_at else None,
        "now": now.timestamp() * 1000,
        "promise": shown.promise_s,
        "zone": settings.zone,
        "zoneName": Frame(now, settings.tz, settings.site, "/", {}).zone_name,
        "error": shown.error,
        "title": shown.title,
    }


def _stamp(path: str, search: str, body: components.Node) -> str:
    drawn = json.dumps(body)
    return hashlib.blake2s(f"{path}{search}{drawn}".encode(), digest_size=16).hexdigest()
