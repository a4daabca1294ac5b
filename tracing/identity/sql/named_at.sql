-- When the source of some keys last named each of their visits. The source of a key is the interface that carried
-- it first.
WITH
    carried AS
    (
        SELECT
            arrayJoin(arrayIntersect(key_tokens, {tokens:Array(String)})) AS token,
            key_tokens[indexOf(key_kinds, 'visit')] AS visit,
            interface,
            start
        FROM spans
        WHERE hasAny(key_tokens, {tokens:Array(String)}) AND has(key_kinds, 'visit')
    ),
    sources AS (SELECT token, argMin(interface, (start, interface)) AS source FROM carried GROUP BY token)
SELECT carried.token, carried.visit, max(carried.start)
FROM carried
INNER JOIN sources ON carried.token = sources.token
WHERE carried.interface = sources.source
GROUP BY carried.token, carried.visit
