-- The time zone in which the hours of a workflow version are told, for those of which anything was learned.
SELECT workflow, version, argMax(zone, computed_at) FROM step_chances WHERE step = 0 GROUP BY workflow, version
