"""SQL of the resolver, one statement a file."""
