-- One row per interface: traffic now against usual, errors, latency, last seen. Reads interface_minute only.
-- Parameters: now, week_ago. `usual` is the same hour of the day over the seven days before, per minute.
SELECT
    interface,
    max(last_seen) AS seen,
    uniqMergeIf(spans, minute > {now:DateTime('UTC')} - INTERVAL 15 MINUTE) / 15 AS per_minute,
    uniqMergeIf(
        spans,
        minute <= {now:DateTime('UTC')} - INTERVAL 1 HOUR
            AND modulo(dateDiff('minute', minute, {now:DateTime('UTC')}) + 30, 1440) < 60
    ) / (60 * greatest(1, least(7, dateDiff('day', min(minute), {now:DateTime('UTC')})))) AS usual_per_minute,
    uniqMergeIf(spans, minute > {now:DateTime('UTC')} - INTERVAL 1 HOUR) AS last_hour,
    uniqMergeIf(
        spans,
        minute > {now:DateTime('UTC')} - INTERVAL 1 HOUR AND outcome IN ('rejected', 'error', 'timeout')
    ) AS refused_last_hour,
    uniqMergeIf(spans, minute > {now:DateTime('UTC')} - INTERVAL 1 DAY) AS last_day,
    uniqMergeIf(
        spans,
        minute > {now:DateTime('UTC')} - INTERVAL 1 DAY AND outcome IN ('rejected', 'error', 'timeout')
    ) AS refused_last_day,
    quantilesTDigestMergeIf(0.5, 0.9, 0.99)(latency, minute > {now:DateTime('UTC')} - INTERVAL 1 DAY) AS latencies
FROM interface_minute
WHERE minute > {week_ago:DateTime('UTC')} AND minute <= {now:DateTime('UTC')}
GROUP BY interface
ORDER BY interface
