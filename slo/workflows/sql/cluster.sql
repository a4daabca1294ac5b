-- The engine of the distributed table, which names the cluster.
SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'spans'
