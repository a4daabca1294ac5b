"""What a dashboard has to be told: the site's name and zone, and how often it looks.

Filled by the front door from `caretrail.yaml`; tests fill it by hand.  Must never hold a secret that could
be printed: tokens live in `dashboard.auth.Gate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """How one site's dashboard behaves.

    site: the name in the header ("Northside Health"). zone: IANA name; every time shown is in it.
    refresh_s: seconds between two looks of a board. promise_s: age in seconds after which shown data is
    stale and turns grey. attention_limit: rows in "Needs somebody". secure_cookie: set when the dashboard is
    served over TLS, so that the session cookie never leaves it. key_fields: by kind of key, the HL7 field it
    is read from as the standard names it ("PV1-19 Visit Number"). runbooks: the site's folders of NAME.md,
    asked before the shipped one.
    """

    site: str = "Caretrail"
    zone: str = "UTC"
    refresh_s: float = 1.0
    promise_s: float = 10.0
    attention_limit: int = 40
    executive_days: int = 30
    secure_cookie: bool = False
    version: str = ""
    key_fields: Mapping[str, str] = field(default_factory=dict)
    runbooks: tuple[Path, ...] = ()

    @property
    def tz(self) -> ZoneInfo:
        """The site's zone; raises zoneinfo.ZoneInfoNotFoundError when `zone` names none."""
        return ZoneInfo(self.zone)
