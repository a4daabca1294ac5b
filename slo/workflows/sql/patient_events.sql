-- What was said about the identity of some keys, each fact once.
SELECT DISTINCT
    event_id, at, event, level, from_token, to_token, subject_token, withdraws, from_kind, to_kind
FROM identity_events
WHERE token IN {tokens:Array(String)}
