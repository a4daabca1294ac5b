-- The newest reading of every place of every engine, its totals an hour ago and at the start of the day before, and
-- the deepest queue in between. Reads engine_gauges only. Parameters: since, hour_ago, now.
SELECT
    engine,
    channel_id,
    connector_id,
    max(at) AS newest,
    argMax((kind, channel, connector, interface, state, connection), at) AS words,
    argMax((received, filtered, sent, errored), at) AS totals,
    argMax(queued, at) AS queue,
    max(queued) AS deepest,
    min(at) AS oldest,
    argMin((received, filtered, sent, errored), at) AS day_totals,
    maxIf(at, at <= {hour_ago:DateTime64(3, 'UTC')}) AS hour_at,
    argMaxIf((received, filtered, sent, errored), at, at <= {hour_ago:DateTime64(3, 'UTC')}) AS hour_totals
FROM engine_gauges
WHERE at > {since:DateTime64(3, 'UTC')} AND at <= {now:DateTime64(3, 'UTC')}
GROUP BY engine, channel_id, connector_id
ORDER BY engine, channel_id, connector_id
