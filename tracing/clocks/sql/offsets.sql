-- The newest offset of each interface that had begun.
SELECT interface, since, offset_ms, within_ms, samples, tap
FROM clock_offsets FINAL
WHERE subtractMilliseconds(since, offset_ms) <= {now:DateTime64(3, 'UTC')}
ORDER BY interface, since DESC
LIMIT 1 BY interface
