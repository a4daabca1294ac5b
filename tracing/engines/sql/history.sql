-- One place of an engine, minute by minute: the last totals, the deepest queue, the last state and connection.
-- Reads engine_gauges only. Parameters: engine, channel_id, connector_id, since, until.
SELECT
    toStartOfMinute(at) AS minute,
    argMax(received, at) AS received_then,
    argMax(filtered, at) AS filtered_then,
    argMax(sent, at) AS sent_then,
    argMax(errored, at) AS errored_then,
    max(queued) AS deepest,
    argMax(state, at) AS state_then,
    argMax(connection, at) AS connection_then
FROM engine_gauges
WHERE engine = {engine:String} AND channel_id = {channel_id:String} AND connector_id = {connector_id:Int32}
    AND at >= {since:DateTime64(3, 'UTC')} AND at < {until:DateTime64(3, 'UTC')}
GROUP BY minute
ORDER BY minute
