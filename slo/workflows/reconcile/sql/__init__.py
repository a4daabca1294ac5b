"""SQL of reconciliation, one statement a file."""
