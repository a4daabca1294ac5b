-- Messages by control ID or span ID, at places that are known. {{where}} narrows to them.
SELECT
    control_id, span_id, trace_id, attributes['journey.trace_id'] AS derived,
    key_tokens[indexOf(key_kinds, 'mrn')] AS patient, start, interface
FROM spans
WHERE {{where}}
ORDER BY start DESC, span_id
LIMIT 1 BY span_id, interface
LIMIT {most:UInt32}
