-- What the evaluator has just written it reads again, and only that: the index tells which parts are that new.
ALTER TABLE ${table:instances} ADD INDEX IF NOT EXISTS evaluated_range evaluated_at TYPE minmax GRANULARITY 64;

ALTER TABLE ${table:instances} MATERIALIZE INDEX evaluated_range;

-- As with instances in 0051: a month that nothing was written to for some hours becomes one part.
ALTER TABLE ${table:checkpoints} MODIFY SETTING min_age_to_force_merge_seconds = 14400, min_age_to_force_merge_on_partition_only = 1;
