-- Alerts that started and did not clear: the log's newest event of each is its start. Read once by slo.alerts.log
-- after a restart. Thirty days back are enough: whatever holds longer than that is told anew.
SELECT
    id,
    max(log.started_at) AS started,
    argMax(name, log.started_at) AS name,
    argMax(severity, log.started_at) AS severity,
    argMax(labels, log.started_at) AS labels,
    argMax(summary, log.started_at) AS summary,
    argMax(affected, log.started_at) AS affected,
    argMax(link, log.started_at) AS link
FROM alerts_log AS log
WHERE log.started_at > {now:DateTime64(3, 'UTC')} - INTERVAL 30 DAY AND log.started_at <= {now:DateTime64(3, 'UTC')}
GROUP BY id
HAVING maxIf(log.started_at, event = 'cleared') < started
ORDER BY started, id
