"""The examples on the HTTP and FHIR pages are configurations; public FHIR samples go through, if present."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from collector.taps.config import load_interfaces
from collector.taps.config.http import HttpInterface
from collector.taps.replay import Observer
from tests.taps.world import CORPUS, SITE, Kept, interfaces

PAGES = Path(__file__).parents[2] / "docs" / "taps"
FHIR = {
    "name": "fhir",
    "kind": "http",
    "listen": "127.0.0.1:0",
    "upstream": "http://127.0.0.1:1",
    "fhir": True,
}


@pytest.mark.parametrize("page", ["http.md", "fhir.md"])
def test_the_complete_example_is_one(page: str) -> None:
    text = (PAGES / page).read_text()
    (block,) = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (interface,) = load_interfaces(yaml.safe_load(block)["interfaces"])
    assert isinstance(interface, HttpInterface)
    if page == "http.md":  # every key of the model is shown, or named in the text
        assert {name for name in HttpInterface.model_fields if f"{name}:" not in text} <= {
            "authorities",
            "fhir",
            "openapi_base",
        }


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in [PAGES / "http.md", PAGES / "fhir.md", *(PAGES / "recipes").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


SAMPLES = sorted(path for path in (CORPUS / "fhir").rglob("*.json")) if (CORPUS / "fhir").is_dir() else []


@pytest.mark.skipif(not SAMPLES, reason="no FHIR samples beside the repository")
def test_every_public_sample_goes_through(sink: Kept) -> None:
    observer = Observer(interfaces(FHIR), SITE, sink)
    for number, path in enumerate(SAMPLES):
        body = path.read_bytes()
        before = len(sink.spans)
        observer.observe_http("fhir", "POST", "/", body, 200, body, number, number)
        first = sink.spans[before]
        if first["integration.unread"]:
            assert first["integration.unread.place"] or first["integration.unread"] == "too_large", path
            continue
        resource = json.loads(body)
        if resource["resourceType"] in ("Encounter", "Account", "Claim", "Patient") and resource.get("id"):
            assert first["journey.keys"], path
