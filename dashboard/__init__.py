"""The Dash app: operations board, exceptions, encounter, interfaces, executive, objectives,
administration, REST.

`create_app` makes one ASGI application of it; the front door serves that. Imports slo and tracing, never the
other way.
"""

from dashboard.app import create_app
from dashboard.auth import Gate
from dashboard.pages.admin import Check
from dashboard.settings import DashboardSettings

__all__ = ["Check", "DashboardSettings", "Gate", "create_app"]
