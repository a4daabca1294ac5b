"""SQL of tracing.lineage."""
