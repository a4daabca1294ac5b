-- What late truth is about to change of closed instances (table instance_changes): their facts as they are stored, held
-- against the facts as they are now. Only what a verdict can turn on: of required steps, what lies before the end of it,
-- a refusal before the success, a deadline when it makes the difference between in time and late. Run before the
-- new facts are written, so that none is lost; the time of the last judgement is part of the key, so that a second
-- run after a crash writes the same rows.
INSERT INTO instance_changes
    (workflow, journey, item, version, occurrence, sealed_at, at, reopened, steps, facts, before, after)
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    (names, required, met, failed, due, cancelled) -> arrayMap((name, r, m, f, d) -> (
            name, r, if(r AND m < cancelled, m, never), if(r AND f < least(m, cancelled), f, never), d, r AND m < never AND m > d),
        names, required, met, failed, due) AS told,
    told(old.step_names, old.step_required, old.step_met_at, old.step_failed_at, old.step_deadlines, old.cancelled_at) AS was,
    told(new.step_names, new.step_required, new.step_met_at, new.step_failed_at, new.step_deadlines, new.cancelled_at) AS is,
    new.journey = '' AS vanished,
    arrayFilter(change -> change.3 != change.4, arrayConcat(
        if(vanished, [('', 'vanished', old.started_at, never)], [
            ('', 'started_at', old.started_at, new.started_at),
            ('', 'cancelled_at', old.cancelled_at, new.cancelled_at)]),
        if(vanished, [], arrayFlatten(arrayMap((a, b) -> [
            (a.1, 'applies', if(a.2, old.started_at, never), if(b.2, old.started_at, never)),
            (a.1, 'met_at', a.3, b.3),
            (a.1, 'failed_at', a.4, b.4),
            (a.1, 'deadline', a.5, if(a.6 != b.6 AND a.3 = b.3, b.5, a.5))], was, arrayResize(is, length(was))))))) AS changes
SELECT
    old.workflow, old.journey, old.item, old.version, old.occurrence, old.evaluated_at, now64(3, 'UTC'),
    NOT vanished AND NOT new.closed, changes.1, changes.2, changes.3, changes.4
FROM
(
    SELECT * FROM instances
    WHERE workflow IN {workflows:Array(String)} AND journey IN {journeys:Array(String)}
        AND {{asked_of}} IN {sealed:Array(String)}
    ORDER BY evaluated_at DESC
    LIMIT 1 BY workflow, version, journey, item, occurrence
) AS old
LEFT JOIN ({{facts}}) AS new 
    ON old.workflow = new.workflow AND old.version = new.version AND old.journey = new.journey AND old.item = new.item AND old.occurrence = new.occurrence
WHERE old.closed AND NOT old.deleted AND notEmpty(changes)
