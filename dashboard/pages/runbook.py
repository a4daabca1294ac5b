"""A runbook as a page of its own: plain HTML that a phone shows at once, without script but for the theme.

Called by `dashboard.runbook` with the Markdown somebody wrote. Knows headings, paragraphs, lists, fenced
code, links, `code`, **bold** and *emphasis*; all else is text. Must never let a tag of the text through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from slo.workflows.model import anchor

_HEADING = re.compile(r"(#{1,4})\s+(.+?)\s*#*")
_ITEM = re.compile(r"\s*([-*]|\d{1,3}[.)])\s+(.*)")
_INLINE = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|\[(?P<text>[^\]]+)\]\((?P<link>[^)\s]+)\)"
    r"|\*\*(?P<bold>.+?)\*\*"
    r"|(?<!\w)\*(?P<slant>[^*\s](?:[^*]*[^*\s])?)\*(?!\w)"
)
_ADDRESS = re.compile(r"(https?://|mailto:|tel:|/(?!/)|#)")
_FENCE = "```"


def page(text: str, site: str) -> str:
    """The whole page; `site` is the name in the header."""
    blocks = list(_blocks(text))
    title = next((inner for level, inner in headings(text) if level == 1), "Runbook")
    steps = [inner for level, inner in headings(text) if level == 2]
    contents = "".join(f'<li><a href="#{anchor(step)}">{_inline(step)}</a></li>' for step in steps)
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="dark">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · runbook · Caretrail</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<script src="/assets/first/theme.js"></script>
<link rel="stylesheet" href="/assets/10-tokens.css">
<link rel="stylesheet" href="/assets/20-base.css">
<link rel="stylesheet" href="/assets/58-runbook.css">
<link rel="stylesheet" href="/assets/60-print.css">
</head>
<body class="runbook">
<header><a class="brand" href="/">Caretrail</a> <span class="site">{escape(site)}</span></header>
<main>
<nav aria-label="Steps"><ol>{contents}</ol></nav>
<article>
{"".join(blocks)}
</article>
</main>
</body>
</html>"""


def headings(text: str) -> list[tuple[int, str]]:
    """Level and text of every heading outside fenced code."""
    found = []
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith(_FENCE)
        match = _HEADING.fullmatch(line)
        if match and not fenced:
            found.append((len(match[1]), match[2]))
    return found


def _blocks(text: str) -> Iterator[str]:
    """HTML of the text; everything from one heading of a step to the next is one section."""
    lines = iter(text.splitlines())
    waiting: list[str] = []
    items: list[str] = []
    kind = ""
    opened = False

    def flush() -> Iterator[str]:
        nonlocal kind
        if waiting:
            yield f"<p>{_inline(' '.join(waiting))}</p>"
            waiting.clear()
        if items:
            yield f"<{kind}>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</{kind}>"
            items.clear()
            kind = ""

    for line in lines:
        heading, item = _HEADING.fullmatch(line), _ITEM.fullmatch(line)
        if line.startswith(_FENCE):
            yield from flush()
            yield f"<pre>{escape(chr(10).join(_fenced(lines)))}</pre>"
        elif heading:
            yield from flush()
            level, words = len(heading[1]), heading[2]
            if level == 2:
                yield ("</section>" if opened else "") + f'<section id="{anchor(words)}">'
                opened = True
            yield f"<h{level}>{_inline(words)}</h{level}>"
        elif item:
            own = "ol" if item[1][0].isdigit() else "ul"
            if waiting or kind not in ("", own):
                yield from flush()
            kind = own
            items.append(item[2])
        elif not line.strip():
            yield from flush()
        elif items:
            items[-1] += " " + line.strip()
        else:
            waiting.append(line.strip())
    yield from flush()
    if opened:
        yield "</section>"


def _fenced(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line.startswith(_FENCE):
            return
        yield line


def _inline(text: str) -> str:
    out, place = [], 0
    for match in _INLINE.finditer(text):
        out.append(escape(text[place : match.start()]))
        out.append(_marked(match))
        place = match.end()
    return "".join(out) + escape(text[place:])


def _marked(match: re.Match[str]) -> str:
    if match["code"]:
        return f"<code>{escape(match['code'])}</code>"
    if match["bold"]:
        return f"<strong>{_inline(match['bold'])}</strong>"
    if match["slant"]:
        return f"<em>{_inline(match['slant'])}</em>"
    if _ADDRESS.match(match["link"]) is None:
        return _inline(match["text"])
    return f'<a href="{escape(match["link"])}" rel="noreferrer">{_inline(match["text"])}</a>'
