-- The offset last stored for each interface.
SELECT interface, argMax(offset_ms, (since, updated_at)) FROM clock_offsets GROUP BY interface
