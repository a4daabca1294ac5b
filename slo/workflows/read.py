"""The questions people ask of workflows, each one function over the store with `now` as an argument.

Called by the dashboard, the REST API, alerts and `caretrail where`; never writes.
"""

from slo.workflows.rows import (
    INSTANCE_STATES,
    STEP_STATES,
    Found,
    Hop,
    InstanceRow,
    InstanceState,
    Journey,
    SealedKey,
    StepRow,
    StepState,
    Tile,
)

__all__ = [
    "INSTANCE_STATES",
    "STEP_STATES",
    "Found",
    "Hop",
    "InstanceRow",
    "InstanceState",
    "Journey",
    "SealedKey",
    "StepRow",
    "StepState",
    "Tile",
]
