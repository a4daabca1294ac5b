-- Whether any clock was ever found wrong.
SELECT count() > 0 FROM clock_corrections WHERE ahead_ms != 0
