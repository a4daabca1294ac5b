"""The schema, as numbered forward-only `.sql` files; read by `tracing.store.migrate`, by nobody else."""
