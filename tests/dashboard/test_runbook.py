"""Runbooks: every step of every pack has its section, written to be read at three in the morning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.pages.runbook import headings, page
from dashboard.runbook import LONGEST, read
from slo.workflows import define, packs
from slo.workflows.load import define_text
from slo.workflows.model import Workflow, anchor
from tests.dashboard.conftest import Site

SHIPPED = packs.shipped()
HEADS = ["Means", "Look first", "Call", "Repair", "Repaired when"]


def text_of(name: str) -> str:
    text = read([packs.runbooks()], name)
    assert text is not None, f"no runbook {name}"
    return text


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_step_of_every_pack_has_its_section(name: str) -> None:
    workflow: Workflow = define(SHIPPED[name]).workflow
    text = text_of(name)
    assert [title for level, title in headings(text) if level == 1] == [workflow.title]
    steps = [step.name for step in workflow.spec.steps]
    assert [title for level, title in headings(text) if level == 2] == steps
    sections = text.split("\n## ")[1:]
    for step, section in zip(workflow.spec.steps, sections, strict=True):
        assert re.findall(r"^- \*\*(.+?)\.\*\*", section, re.MULTILINE) == HEADS, step.name
        assert workflow.runbook(step) == f"/runbook/{name}#{anchor(step.name)}"
        assert f'<section id="{anchor(step.name)}">' in page(text, "")


def test_what_runbooks_lead_to_is_there() -> None:
    for name in SHIPPED:
        for link in re.findall(r"\]\((/[^)\s]*)\)", text_of(name)):
            place, _, part = link.partition("#")
            if place.startswith("/runbook/"):
                other = text_of(place.removeprefix("/runbook/"))
                assert not part or part in {anchor(title) for _, title in headings(other)}, link
            else:
                found = re.fullmatch(r"/(interfaces|reconciliation\?workflow=([a-z-]+))", link)
                assert found is not None, link
                assert found[2] in (None, *SHIPPED), link


def test_a_runbook_is_served_to_whoever_is_signed_in(site: Site) -> None:
    for role in ("noc", "engineer", "executive"):
        answer = site.signed_in(role).get("/runbook/discharge-to-cash")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/html")
        assert '<section id="erp-posted"><h2>ERP posted</h2>' in answer.text
        assert "Northside Health" in answer.text
    assert site.stranger().get("/runbook/discharge-to-cash").status == 401
    for path in (
        "/runbook/nothing",
        "/runbook/..%2Fdischarge-to-cash",
        "/runbook/Discharge",
        "/runbook/a%00",
    ):
        answer = site.signed_in().get(path)
        assert answer.status == 404
        assert "There is no such page" in answer.text


def test_a_hospitals_own_comes_first(tmp_path: Path) -> None:
    (tmp_path / "discharge-to-cash.md").write_text("# Ours")
    (tmp_path / "long.md").write_text("x" * (LONGEST + 1))
    folders = [tmp_path / "absent", tmp_path, packs.runbooks()]
    assert read(folders, "discharge-to-cash") == "# Ours"
    assert read(folders, "eligibility") == text_of("eligibility")
    assert read(folders, "long") is None


def test_what_is_written_stays_text() -> None:
    shown = page(
        "# A <b>title</b>\n\n## One & two\n<script>alert(1)</script> `a<b` **bold *both* more** "
        "[x](javascript:alert)\n"
        "![seen](https://elsewhere.example/pixel.png)\n"
        '[y](//elsewhere.example/) [z](https://a.example/?q="><img>)\n\n'
        "1. first\n   goes on\n2. second\n\n- other\n```\n# no <heading>\n```\n",
        "<site>",
    )
    body = shown.partition("<article>")[2]
    assert "<h1>A &lt;b&gt;title&lt;/b&gt;</h1>" in body
    assert '<section id="one-two"><h2>One &amp; two</h2>' in body
    assert "&lt;script&gt;" in body
    assert "<code>a&lt;b</code> <strong>bold <em>both</em> more</strong> x\nseen\ny" in body
    assert 'href="https://a.example/?q=%22%3E%3Cimg%3E"' in body
    assert "<ol><li>first\ngoes on</li><li>second</li></ol><ul><li>other</li></ul>" in re.sub(
        r">\n<", "><", body
    )
    assert "<pre><code># no &lt;heading&gt;\n</code></pre>" in body
    assert "&lt;site&gt;" in shown
    assert "<script>" not in shown
    assert "javascript" not in shown
    assert "elsewhere" not in shown


def test_a_step_may_have_another_runbook_or_another_section() -> None:
    text = SHIPPED["discharge-to-cash"].read_text()
    for said, expected in (
        ("https://runbooks.example/erp", "https://runbooks.example/erp"),
        ("/runbook/ours", "/runbook/ours#erp-posted"),
        ("/runbook/ours#ledger", "/runbook/ours#ledger"),
    ):
        other = text.replace("within: 60m", f'within: 60m\n      runbook: "{said}"')
        workflow = define_text(other, "ours.yaml").workflow
        assert workflow.runbook(workflow.spec.step("ERP posted")) == expected
