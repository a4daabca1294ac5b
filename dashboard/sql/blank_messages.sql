-- Messages that carried a key that is none ("0", "UNKNOWN"), by span ID. Spans are sorted by trace, so the days are
-- given: those the collisions were raised on. Parameters: days, spans.
SELECT span_id, any(start) AS at, any(if(message != '', message, operation)), any(interface), any(source)
FROM spans
WHERE toDate(start) IN {days:Array(Date)} AND span_id IN {spans:Array(String)}
GROUP BY span_id
ORDER BY at, span_id
