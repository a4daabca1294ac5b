"""Workflows: what should have happened, compiled to ClickHouse, evaluated by touch, judged when read.

The core calls `activate` and `Evaluator.step`; pages and REST read through `slo.workflows.read`.
"""

from slo.workflows.activate import Activated, activate, activate_all
from slo.workflows.evaluator import Evaluator
from slo.workflows.load import Definition, WorkflowError, define, load
from slo.workflows.model import Workflow

__all__ = [
    "Activated",
    "Definition",
    "Evaluator",
    "Workflow",
    "WorkflowError",
    "activate",
    "activate_all",
    "define",
    "load",
]
