-- One event, a row for each key it concerns. Persons do this, a few a day: it may read the whole (small) table.
SELECT token, any(level), any(from_kind), any(from_token), any(to_kind), any(to_token), any(subject_kind), any(subject_token)
FROM identity_events WHERE event_id = {event_id:String} AND event != 'withdraw'
GROUP BY token
