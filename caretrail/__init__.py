"""The front door: command line, settings and the embedded all-in-one. Nothing imports this package."""
