"""What integration engines count themselves, where no tap can see: queues, errors, filters, states.

Written by `collector.engines`, read by pages and the REST interface. Must never hold anything of a message.
"""

from tracing.engines.model import CHANNEL, ENGINE, Gauge, record
from tracing.engines.read import ChannelRow, ConnectorRow, EngineRow, Minute, engines, history

__all__ = [
    "CHANNEL",
    "ENGINE",
    "ChannelRow",
    "ConnectorRow",
    "EngineRow",
    "Gauge",
    "Minute",
    "engines",
    "history",
    "record",
]
