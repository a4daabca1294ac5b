-- The first message that carried two keys together, whose time the link knows: by the traces they name.
SELECT start, span_id, trace_id, interface, message, operation, scope_attributes['journey.fields'] AS fields
FROM spans
WHERE hasAll(key_tokens, {tokens:Array(String)})
    AND start >= {since:DateTime64(3, 'UTC')} AND start < {since:DateTime64(3, 'UTC')} + INTERVAL 1 MILLISECOND
    AND (trace_id IN {tokens:Array(String)} OR trace_id IN (SELECT trace_id FROM derived_traces WHERE derived IN {tokens:Array(String)}))
ORDER BY start, span_id
LIMIT 1
