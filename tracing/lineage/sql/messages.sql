-- What lineage reads of the messages of a journey. Reads spans by trace, their sort key, then by span; a span sent
-- twice is one message. Keys are those that glue, best first (the order of tracing.keys is given); where there is
-- none, the patient's.
-- Parameters: traces, spans, kinds.
SELECT
    span_id, trace_id, start, addNanoseconds(start, duration_ns), interface, source, destination,
    if(message != '', message, operation), control_id, conversation_id, parent_span_id, `links.span_id`,
    if(hasAny(key_kinds, {kinds:Array(String)}),
        arraySort(
            key -> indexOf({kinds:Array(String)}, key.1),
            arrayFilter(key -> has({kinds:Array(String)}, key.1), arrayZip(key_kinds, key_tokens))),
        arrayFilter(key -> key.1 = 'mrn', arrayZip(key_kinds, key_tokens))),
    attributes['engine.message'], attributes['engine.source_message'], tags['batch']
FROM spans
WHERE trace_id IN {traces:Array(String)} AND span_id IN {spans:Array(String)}
ORDER BY start, span_id, ingested_at DESC
LIMIT 1 BY span_id
