-- The days on which some traces (by their first halves) have messages: the partitions of spans to look into. With
-- them, without a day, the traces of messages that carry another one than their own best key would give.
SELECT (trace, '', day) FROM trace_outlines PREWHERE trace IN {numbers:Array(UInt64)}
UNION ALL
SELECT (toUInt64(0), trace_id, toDate(0)) FROM derived_traces PREWHERE derived IN {traces:Array(String)}
