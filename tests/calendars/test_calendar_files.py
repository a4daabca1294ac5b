from datetime import date
from pathlib import Path

import pytest

from slo.calendars import SHIPPED, load, read
from tracing.documents import DocumentError

SITE = """\
apiVersion: caretrail/v1
kind: Calendar
metadata: {name: theatre}
spec:
  zone: America/Denver
  week:
    monday: ["07:00-12:00", "13:00-17:00"]
  holidays:
    - {name: Founders, date: 2026-05-04}
"""


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_calendars_load(name: str) -> None:
    assert load(name).name == name


def test_a_site_may_bring_its_own_and_override_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "theatre.yaml").write_text(SITE)
    (tmp_path / "always.yaml").write_text(SITE.replace("theatre", "always"))
    own = load("theatre", tmp_path)
    assert own.week[0] == ((420, 720), (780, 1020))
    assert not own.is_business_day(date(2026, 5, 4))
    assert own.is_business_day(date(2026, 5, 11))
    assert load("always", tmp_path).zone == "America/Denver"
    assert load("us-business", tmp_path, zone="America/Chicago").zone == "America/Chicago"


def test_a_name_nobody_knows_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="shipped are always, us-business"):
        load("moon", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("America/Denver", "America/Aspen", r"site.yaml:5:\d+: spec.zone: must be an IANA time zone"),
        ("spec:", "spec:\n  color: red", r"site.yaml:5:\d+: spec.color: unknown key"),
        ("monday", "moonday", r"site.yaml:7:\d+: spec.week.moonday: unknown key \(did you mean 'monday'"),
        ('"13:00-17:00"', '"11:00-17:00"', "begins before the one above it ends"),
        ('"13:00-17:00"', '"17:00-13:00"', r"site.yaml:7:\d+: spec.week.monday\[1\]: must open before"),
        ('"13:00-17:00"', "1300", "must look like '08:00-17:00'"),
        ("2026-05-04", "soon", r"site.yaml:9:\d+: spec.holidays\[0\].date: "),
        ("date: 2026-05-04", "month: 2, day: 30", r"site.yaml:9:\d+: spec.holidays\[0\]: that month never"),
        ("date: 2026-05-04", "month: 5, weekday: monday, nth: 0", "weekday goes with nth"),
        ("date: 2026-05-04", "month: 5, day: 1, date: 2026-05-04", "needs either month and day"),
        ("date: 2026-05-04", "date: 2026-05-04, month: 5", "a date stands alone"),
        ("date: 2026-05-04", "day: 5", "needs a month"),
        ("date: 2026-05-04", "month: 5, weekday: monday, nth: 1, observed: true", "observed goes with"),
        ("kind: Calendar", "kind: [", r"site.yaml:4:\d+: not valid YAML"),
        ("kind: Calendar\n", "", r"site.yaml:1:\d+: kind: missing"),
        ('monday: ["07:00-12:00", "13:00-17:00"]', "{}", "must open on at least one weekday"),
        (SITE, f"{SITE}---\n{SITE}", r"site.yaml:1: must hold one calendar, holds 2"),
    ],
)
def test_what_is_wrong_names_file_line_and_key(old: str, new: str, message: str) -> None:
    assert old in SITE
    with pytest.raises(DocumentError, match=message):
        read(SITE.replace(old, new), r"site.yaml")


def test_file_and_name_must_agree(tmp_path: Path) -> None:
    (tmp_path / "ward.yaml").write_text(SITE)
    with pytest.raises(DocumentError, match="must be ward, as the file is called"):
        load("ward", tmp_path)
