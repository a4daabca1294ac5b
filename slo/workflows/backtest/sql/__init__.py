"""SQL of backtests, one statement a file."""
