-- Messages of some keys: those traced by one of them, and those that carry another trace (a propagated context) but
-- whose best key is one of them. A span sent twice is one message. The days come from trace_days.
SELECT
    trace_id, attributes['journey.trace_id'] AS derived, key_tokens[indexOf(key_kinds, 'mrn')] AS patient, start,
    span_id, key_tokens, {{columns}}
FROM spans
WHERE toDate(start) IN {days:Array(Date)} AND trace_id IN {traces:Array(String)}
    AND (trace_id IN {tokens:Array(String)} OR derived IN {tokens:Array(String)})
ORDER BY start, span_id, ingested_at DESC
LIMIT 1 BY span_id, interface
