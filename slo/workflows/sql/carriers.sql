-- Traces of messages that carry one of some search-only keys.
SELECT DISTINCT arrayJoin(arrayIntersect(key_tokens, {tokens:Array(String)})) AS token, trace_id
FROM spans WHERE hasAny(key_tokens, {tokens:Array(String)})
