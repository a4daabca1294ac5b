"""The numbers of the executive page: on time, cycle time, incidents, and what moved them.

Called by the dashboard and the REST interface. Every number carries its definition, its sample size and the
period before it; a number without data is None, never zero or a hundred per cent.
"""

from slo.kpis.executive import executive
from slo.kpis.model import Definition, Figure, Incident, Mover, TrendPoint, WorkflowKpi

__all__ = [
    "Definition",
    "Figure",
    "Incident",
    "Mover",
    "TrendPoint",
    "WorkflowKpi",
    "executive",
]
