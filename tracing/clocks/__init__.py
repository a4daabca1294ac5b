"""How far the clocks that stamp messages are off, per interface.

Used by the core (`Clocks.step` in a loop), the workflow evaluator (the view clock_corrections), the
interfaces page and the doctor (`offsets`). Nothing here ever changes a stored time.
"""

from tracing.clocks.estimate import IGNORED, Clocks
from tracing.clocks.read import ClockRow, offsets

__all__ = ["IGNORED", "ClockRow", "Clocks", "offsets"]
