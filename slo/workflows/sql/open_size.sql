-- Rows of open_instances, and those that are alive.
SELECT (SELECT count() FROM open_instances), (SELECT count() FROM open_instances FINAL)
