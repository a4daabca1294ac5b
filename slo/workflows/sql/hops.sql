-- Messages of some keys: those traced by one of them, and those that carry another trace (a propagated context) but
-- whose best key is one of them. A span sent twice is one message. Read as in hops_group.sql. What the trace was
-- derived from and the patient are '' where nobody needs them: wide columns of every granule touched.
SELECT trace_id, {{derived}} AS derived, {{patient}} AS patient, start, span_id, {{columns}}
FROM ({{groups}})
WHERE trace_id IN {tokens:Array(String)} OR derived IN {tokens:Array(String)}
ORDER BY start, span_id, ingested_at DESC
LIMIT 1 BY span_id, interface
