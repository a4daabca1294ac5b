-- Merges open_instances and drops the rows of closed instances. FINAL merges all parts together, so no older row of
-- a dropped one can be left over.
OPTIMIZE TABLE open_instances FINAL CLEANUP
