-- The same, for messages whose trace is named by a third key.
SELECT start, span_id, trace_id, interface, message, operation, scope_attributes['journey.fields'] AS fields
FROM spans
WHERE hasAll(key_tokens, {tokens:Array(String)})
    AND start >= {since:DateTime64(3, 'UTC')} AND start < {since:DateTime64(3, 'UTC')} + INTERVAL 1 MILLISECOND
ORDER BY start, span_id
LIMIT 1
