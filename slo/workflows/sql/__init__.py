"""SQL of the workflows, one statement a file."""
