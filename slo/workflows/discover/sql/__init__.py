"""SQL of discovery and conformance, one statement a file."""
