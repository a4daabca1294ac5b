"""SQL of the clock offsets, one statement a file."""
