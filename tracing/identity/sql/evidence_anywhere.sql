-- The first message that carried two keys together: wherever it is. For messages whose trace is named by a third key.
SELECT start, span_id, trace_id, interface, message, operation, scope_attributes['journey.fields'] AS fields
FROM spans
WHERE hasAll(key_tokens, {tokens:Array(String)})
ORDER BY start, span_id
LIMIT 1
