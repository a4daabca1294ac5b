-- A day of spans that nothing was written to for some hours becomes one part, and so does a week of instances: what
-- looks a journey up reads a granule of every part of its days, and the engine leaves up to ten small ones by itself.
-- Only whole partitions, so that today's are left alone.
ALTER TABLE ${table:spans} MODIFY SETTING min_age_to_force_merge_seconds = 14400, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE ${table:instances} MODIFY SETTING min_age_to_force_merge_seconds = 14400, min_age_to_force_merge_on_partition_only = 1;
