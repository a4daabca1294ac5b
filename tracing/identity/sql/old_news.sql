-- Facts that key_news has let go before the resolver came: for one that slept for days, or starts from the beginning.
-- The same facts as in the view key_facts_news.
INSERT INTO key_news (ingested_at, fact)
WITH splitByChar(',', fact, 4) AS parts
SELECT ingested_at, fact
FROM key_facts
WHERE {since:DateTime64(3, 'UTC')} <= now() - INTERVAL 6 DAY
    AND ingested_at >= {since:DateTime64(3, 'UTC')} AND ingested_at <= now() - INTERVAL 6 DAY
    AND (parts[1] IN ('s', 'e') OR (parts[1] = 'l' AND parts[3] NOT IN ('visit', 'mrn', 'item', 'lot', 'request')))
