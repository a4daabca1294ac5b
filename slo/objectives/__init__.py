"""Service level objectives of workflows: OpenSLO documents, error budgets, burn rates and corrections.

Called by the core (`activate`), the dashboard, the figures and the alert loop (`status`).
"""

from slo.objectives.definitions import activate, active
from slo.objectives.files import load, shipped
from slo.objectives.model import Burn, BurnWindow, Objective, ObjectiveStatus, Tally
from slo.objectives.status import status
from slo.objectives.windows import load_windows

__all__ = [
    "Burn",
    "BurnWindow",
    "Objective",
    "ObjectiveStatus",
    "Tally",
    "activate",
    "active",
    "load",
    "load_windows",
    "shipped",
    "status",
]
