"""Measured claims; each module is one command, e.g. `python -m benchmarks.tap`."""
