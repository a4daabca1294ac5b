-- What was said of some keys.
SELECT DISTINCT
    event_id, at, event, level, from_token, to_token, subject_token, withdraws, from_kind, to_kind
FROM identity_events WHERE token IN {tokens:Array(String)} AND event != 'cancel'
