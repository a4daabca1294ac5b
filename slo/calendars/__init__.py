"""Business calendars: which days and hours count towards a deadline, and when a system is under maintenance.

Read by the workflow compiler (deadlines in business days), by objectives and by alerts (maintenance). A
calendar is a YAML file that a site can copy and change; nothing here reads the clock or the machine's own
time zone.
"""

from slo.calendars.files import SHIPPED, load, read
from slo.calendars.maintenance import Maintenance
from slo.calendars.model import Calendar, Holiday

__all__ = ["SHIPPED", "Calendar", "Holiday", "Maintenance", "load", "read"]
