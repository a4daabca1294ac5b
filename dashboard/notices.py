"""The pages that stand alone: not signed in, link used, not allowed, no such page.

Plain HTML with the app's own style sheet and no script, because they are shown to people who were not let in.
Called by `dashboard.auth` and `dashboard.app`; must never repeat anything from the request.
"""

from __future__ import annotations

from html import escape
from typing import Final

from starlette.responses import HTMLResponse

_WORDS: Final[dict[str, tuple[str, str, str]]] = {
    "unknown": (
        "You are not signed in",
        "This dashboard opens with a link that works once.",
        "Start Caretrail again or ask whoever runs it for a new link: it is printed as "
        "“Caretrail is ready: …?token=…”. Programs send “Authorization: Bearer …”.",
    ),
    "used": (
        "This link has been used",
        "A sign-in link works once, so that one found in a history or a chat opens nothing.",
        "If you opened it before in this browser, your session is over. Ask for a new link.",
    ),
    "elsewhere": (
        "Refused",
        "Another site sent this request in your name, so it was not carried out.",
        "Open the dashboard by its own address and try again.",
    ),
    "forbidden": (
        "Not for your role",
        "Your sign-in does not include this page.",
        "Executive accounts see aggregates only; encounters are for the operations and integration teams.",
    ),
    "missing": (
        "There is no such page",
        "The address leads nowhere.",
        "Go to the board, or search with “/” for a visit, account, order or claim number.",
    ),
}


def words(why: str) -> tuple[str, str, str]:
    """Headline, sentence and advice for one reason."""
    return _WORDS[why]


def page(status: int, why: str) -> HTMLResponse:
    """The whole page for one reason."""
    headline, sentence, advice = (escape(text) for text in words(why))
    back = '<p><a class="button" href="/">To the board</a></p>' if why in ("missing", "forbidden") else ""
    return HTMLResponse(
        f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{headline} · Caretrail</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/10-tokens.css">
<link rel="stylesheet" href="/assets/20-base.css">
</head>
<body class="notice">
<main>
<p class="brand">Caretrail</p>
<p class="status">{status}</p>
<h1>{headline}</h1>
<p class="lead">{sentence}</p>
<p class="muted">{advice}</p>
{back}
</main>
</body>
</html>""",
        status_code=status,
    )
