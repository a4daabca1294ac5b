"""Sans-IO protocols: bytes in, facts out.

Called by the taps, the simulator and file readers. Nothing in here may open a socket or a file,
read a clock, log, or keep state between two messages outside an object the caller holds.
"""
