-- What late truth changed of the closed instances of some journeys, oldest first.
SELECT workflow, journey, item, version, occurrence, sealed_at, at, reopened, steps, facts, before, after
FROM instance_changes FINAL
WHERE journey IN {journeys:Array(String)}
ORDER BY at, workflow, item, version, occurrence
