"""`caretrail hospital`: the synthetic hospital, ended when whoever started it goes away."""

from __future__ import annotations

import argparse
import os
import signal

from caretrail.parent import follow


def run(options: argparse.Namespace) -> int:
    """Live traffic until SIGTERM."""
    from simulator.__main__ import main

    follow(lambda: os.kill(os.getpid(), signal.SIGTERM))
    return int(main(["live", "--config", options.plan]) or 0)
