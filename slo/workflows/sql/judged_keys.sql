-- All keys of the journeys of a query, their own tokens, too: one may be a key that has moved to a journey that is not
-- asked for.
SELECT token FROM journey_members WHERE journey IN ({{journeys}}) UNION ALL SELECT journey AS token FROM ({{journeys}})
