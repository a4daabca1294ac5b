-- Messages of some traces that were kept, sealed.
SELECT DISTINCT span_id FROM bodies WHERE trace_id IN {traces:Array(String)}
