"""Which keys belong to one journey: the forest token -> journey, kept in ClickHouse and updated by touch.

Called by the core's loop; pages and evaluation read its tables. It must never see an identifier: tokens only.
"""

from tracing.identity.feed import Feed
from tracing.identity.forest import Link, Place, resolve
from tracing.identity.resolver import Resolver

__all__ = ["Feed", "Link", "Place", "Resolver", "resolve"]
