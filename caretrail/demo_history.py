"""The demo's past: recorded by the hospital, read through the taps' own code, and judged, with progress shown.

Used by `caretrail demo`. Goes the same way as live traffic from the tap's observer on; only the clock is the
recording's.
"""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

from rich.progress import Progress

from caretrail.client import Client, CouldNotAsk
from caretrail.demo_files import DemoState, moment
