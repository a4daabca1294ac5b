-- What some traces (by their first halves) have on their days: when the first span began, and which there are. With them,
-- of some keys, that messages with another trace hang on them: those have to be read.
SELECT (trace, '', first, spans) FROM trace_outlines PREWHERE trace IN {numbers:Array(UInt64)}
UNION ALL
SELECT (toUInt64(0), derived, toDateTime64(0, 6, 'UTC'), emptyArrayUInt64())
FROM derived_traces PREWHERE derived IN {traces:Array(String)}
