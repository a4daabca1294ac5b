-- Whole days since the first start of any workflow, at most 400. Read by slo.kpis to choose a period that has one
-- before it to compare with.
SELECT if(count() = 0, 0, least(400, dateDiff('hour', min(started_at), {now:DateTime64(3, 'UTC')}) / 24))::Int32
FROM instances FINAL
WHERE deleted = 0 AND started_at > {now:DateTime64(3, 'UTC')} - INTERVAL 400 DAY
