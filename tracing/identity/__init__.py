"""Which keys belong to one journey: the forest token -> journey, kept in ClickHouse and updated by touch.

Called by the core's loop; pages and evaluation read its tables. It must never see an identifier: tokens only.
"""

from tracing.identity.events import Event
from tracing.identity.feed import Feed
from tracing.identity.forest import resolve
from tracing.identity.model import Collision, Era, Facts, Link, Place, Resolution
from tracing.identity.people import Sighting
from tracing.identity.resolver import Resolver
from tracing.identity.rules import Rules

__all__ = [
    "Collision",
    "Era",
    "Event",
    "Facts",
    "Feed",
    "Link",
    "Place",
    "Resolution",
    "Resolver",
    "Rules",
    "Sighting",
    "resolve",
]
