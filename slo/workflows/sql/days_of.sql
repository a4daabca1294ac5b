-- The days on which some traces have messages: the partitions of spans to look into.
SELECT DISTINCT day FROM trace_days
WHERE trace IN (SELECT reinterpretAsUInt64(unhex(substring(arrayJoin({traces:Array(String)}), 1, 16))))
