"""A collector on real sockets, and the site key of a machine that talks to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.receiver.conftest import MakeReceiver, Running
from tests.receiver.conftest import make_receiver as make_receiver
from tracing.context import SiteKey
from tracing.keys import Sealer


@pytest.fixture
def site_key(tmp_path: Path) -> Path:
    path = tmp_path / "site.key"
    SiteKey.create(path)
    return path


@pytest.fixture
def sealer(site_key: Path) -> Sealer:
    return Sealer(SiteKey.load(site_key))


@pytest.fixture
def collector(make_receiver: MakeReceiver, sealer: Sealer) -> Running:
    return make_receiver(sealer=sealer)
