"""`/runbook/NAME`: what somebody does at three in the morning, from a Markdown file beside the workflows.

Called by `dashboard.app`. For everybody who is signed in; it holds nothing of a patient. Must never open
a file outside the folders it was told.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from dashboard import notices
from dashboard.auth import current_session
from dashboard.feed import Feed
from dashboard.pages import runbook
from dashboard.settings import DashboardSettings
from slo.workflows import packs

log = logging.getLogger(__name__)

LONGEST = 1 << 18
"""Bytes of a runbook; a longer file is none."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_EVERYBODY = frozenset({"noc", "engineer", "executive"})


def router(settings: DashboardSettings, feed: Feed) -> APIRouter:
    """The one route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/runbook/{name}")
    async def show(name: str) -> Response:
        session = current_session()
        if session is None or not session.may(_EVERYBODY):
            return notices.page(403, "forbidden")
        text = await feed.run(read, (*settings.runbooks, packs.runbooks()), name)
        if text is None:
            return notices.page(404, "missing")
        return HTMLResponse(runbook.page(text, settings.site))

    return routes


def read(folders: Sequence[Path], name: str) -> str | None:
    """The runbook of this name in the first folder that has it."""
    if _NAME.fullmatch(name) is None:
        return None
    for folder in folders:
        path = folder / f"{name}.md"
        try:
            if path.is_file() and path.stat().st_size <= LONGEST:
                return path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            log.warning("a runbook cannot be read: %s", type(error).__name__)
    return None
