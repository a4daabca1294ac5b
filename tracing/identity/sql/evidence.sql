-- The first message that carried two keys together: by the traces they name, which is a lookup.
SELECT start, span_id, trace_id, interface, message, operation, scope_attributes['journey.fields'] AS fields
FROM spans
WHERE (trace_id IN {tokens:Array(String)} OR trace_id IN (SELECT trace_id FROM derived_traces WHERE derived IN {tokens:Array(String)}))
    AND hasAll(key_tokens, {tokens:Array(String)})
ORDER BY start, span_id
LIMIT 1
