"""The dashboard's own queries, one `.sql` file each, loaded with `tracing.store.load_sql`."""
