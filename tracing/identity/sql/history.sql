-- What was said of some keys, each event once.
SELECT
    event_id, any(at) AS happened, any(event), any(level), any(from_token), any(to_token), any(subject_token),
    any(withdraws), any(from_kind), any(to_kind), any(subject_kind), any(message), any(interface), any(source),
    any(outcome), any(trace_id), any(span_id), any(who), any(reason)
FROM identity_events WHERE token IN {tokens:Array(String)}
GROUP BY event_id
ORDER BY happened, event_id
