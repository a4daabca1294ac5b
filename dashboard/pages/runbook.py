"""A runbook as a page of its own: plain HTML that a phone shows at once, without script but for the theme.

Called by `dashboard.runbook` with the Markdown somebody wrote. Must never let a tag of the text through, nor
load anything from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from slo.workflows.model import anchor

_ADDRESS = re.compile(r"(https?://|mailto:|tel:|/(?!/)|#)")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
# Which addresses lead anywhere is decided here, so that the words of one that does not still stand.
_MARKDOWN.validateLink = lambda url: True  # type: ignore[method-assign]


def page(text: str, site: str) -> str:
    """The whole page; `site` is the name in the header."""
    heads = headings(text)
    title = next((inner for level, inner in heads if level == 1), "Runbook")
    steps = [inner for level, inner in heads if level == 2]
    contents = "".join(f'<li><a href="#{anchor(step)}">{escape(step)}</a></li>' for step in steps)
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
{"".join(_sections(text))}
</article>
</main>
</body>
</html>"""


def headings(text: str) -> list[tuple[int, str]]:
    """Level and text of every heading."""
    tokens = _MARKDOWN.parse(text)
    return [
        (int(one.tag[1:]), inner.content) for one, inner in pairwise(tokens) if one.type == "heading_open"
    ]


def _sections(text: str) -> Iterator[str]:
    """HTML of the text; everything from one heading of a step to the next is one section."""
    tokens = _MARKDOWN.parse(text)
    steps = [n for n, one in enumerate(tokens) if one.type == "heading_open" and one.tag == "h2"]
    yield _html(tokens[: steps[0]] if steps else tokens)
    for first, end in pairwise([*steps, len(tokens)]):
        yield f'<section id="{anchor(tokens[first + 1].content)}">{_html(tokens[first:end])}</section>'


def _html(tokens: list[Token]) -> str:
    for token in tokens:
        if token.children is not None:
            token.children = list(_safe(token.children))
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))


def _safe(tokens: list[Token]) -> Iterator[Token]:
    """Without links to anything but addresses of people and pages; of an image its words."""
    links: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            links.append(_ADDRESS.match(str(token.attrGet("href"))) is not None)
            token.attrSet("rel", "noreferrer")
        if token.type == "image":
            yield Token("text", "", 0, content=token.content)
        elif not token.type.startswith("link_") or links[-1]:
            yield token
        if token.type == "link_close":
            links.pop()
