"""Which message caused which, inside one journey: arrows between hops, each with what it rests on.

`arrows` is a pure function over messages; `read.lineage` gets them from a store. Called by the encounter
page and the REST interface. Never says that something is certain because it is likely.
"""

from tracing.lineage.arrows import arrows
from tracing.lineage.model import Arrow, Basis, Certainty, Message
from tracing.lineage.rules import RULES, Rule

__all__ = ["RULES", "Arrow", "Basis", "Certainty", "Message", "Rule", "arrows"]
