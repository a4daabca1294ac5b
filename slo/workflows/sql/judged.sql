-- Every instance with its state at {now:DateTime64(3, 'UTC')}: the full judgement, for tests, figures and
-- `caretrail sql`. Boards read open_instances, which says the same of open ones and is narrow, and tells those at risk
-- from those on track.
SELECT i.workflow, i.version, i.journey, i.occurrence, i.started_at, i.facility, {{state}} AS state, i.item
FROM instances AS i FINAL
WHERE i.deleted = 0 AND i.started_at <= {now:DateTime64(3, 'UTC')}
