"""The questions people ask of workflows, each one function over the store with `now` as an argument.

Called by the dashboard, the REST API, alerts and `caretrail where`; never writes.
"""

from slo.workflows.board import (
    EVER,
    NEEDS_SOMEBODY,
    OPEN_STATES,
    Watched,
    attention,
    facilities,
    instances,
    tiles,
    watched,
)
from slo.workflows.encounter import authorities, find, journey, outlines, summary_sentence
from slo.workflows.late_truth import changes
from slo.workflows.rows import (
    INSTANCE_STATES,
    STEP_STATES,
    Change,
    Difference,
    Found,
    Hop,
    InstanceRow,
    InstanceState,
    Journey,
    Outline,
    SealedKey,
    StepRow,
    StepState,
    Tile,
)
from slo.workflows.search import Match, search

__all__ = [
    "EVER",
    "INSTANCE_STATES",
    "NEEDS_SOMEBODY",
    "OPEN_STATES",
    "STEP_STATES",
    "Change",
    "Difference",
    "Found",
    "Hop",
    "InstanceRow",
    "InstanceState",
    "Journey",
    "Match",
    "Outline",
    "SealedKey",
    "StepRow",
    "StepState",
    "Tile",
    "Watched",
    "attention",
    "authorities",
    "changes",
    "facilities",
    "find",
    "instances",
    "journey",
    "outlines",
    "search",
    "summary_sentence",
    "tiles",
    "watched",
]
