-- Messages of a journey: those traced by one of its keys, and those that carry another trace (a propagated context)
-- but whose best key is one of them. A span sent twice is one hop.
WITH
    ['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance',
     'requisition', 'appointment', 'charge', 'invoice', 'shipment', 'document', 'inquiry'] AS kinds
SELECT
    start, addNanoseconds(start, duration_ns), duration_ns / 1e6, interface, source, destination, system, message,
    operation, outcome, ack_code, reason, control_id, bytes, ack_bytes, trace_id, span_id, tags, measures, key_tokens
FROM
(
    SELECT * FROM spans WHERE trace_id IN {tokens:Array(String)}
    UNION ALL
    SELECT * FROM spans
    WHERE hasAny(key_tokens, {tokens:Array(String)}) AND trace_id NOT IN {tokens:Array(String)}
        AND arrayFirst((token, kind) -> has(kinds, kind), arraySort((token, kind) -> indexOf(kinds, kind), key_tokens, key_kinds),
            arraySort(kind -> indexOf(kinds, kind), key_kinds)) IN {tokens:Array(String)}
)
ORDER BY start, span_id, ingested_at DESC
LIMIT 1 BY span_id, interface
