-- When each place last had each state and connection, to tell since when it has those of now. Reads engine_gauges
-- only. Parameters: since, now.
SELECT engine, channel_id, connector_id, state, connection, max(at) AS last
FROM engine_gauges
WHERE at > {since:DateTime64(3, 'UTC')} AND at <= {now:DateTime64(3, 'UTC')}
GROUP BY engine, channel_id, connector_id, state, connection
