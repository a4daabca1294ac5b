-- Messages that carried a key that is none ("0", "UNKNOWN"), by span ID. Spans are sorted by trace, so only the week after
-- the newest time each was raised is read. Reads spans and key_collisions. Parameters: spans.
SELECT span_id, any(start) AS at, any(if(message != '', message, operation)), any(interface), any(source)
FROM spans
WHERE span_id IN {spans:Array(String)} AND toDate(start) IN
(
    SELECT DISTINCT toDate(raised) + arrayJoin(range(8)) AS day
    FROM (SELECT argMax(raised_at, version) AS raised FROM key_collisions WHERE why = 'blank' GROUP BY token)
)
GROUP BY span_id
ORDER BY at, span_id
