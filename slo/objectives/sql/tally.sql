-- Decided encounters in each of the windows {windows} (seconds before {now}): good, bad, and left out because a
-- correction covers the moment of the decision. Read by slo.objectives.status after decisions.sql as `decisions`.
-- Corrections are applied here, when somebody asks, so that one entered or taken back later changes the past.
WITH
    decisions AS
    (
{{decisions}}
    ),
    (
        SELECT groupArray((starts, ends, facility))
        FROM
        (
            SELECT
                argMax(corrections.starts, changed_at) AS starts,
                argMax(corrections.ends, changed_at) AS ends,
                argMax(corrections.workflow, changed_at) AS workflow,
                argMax(corrections.facility, changed_at) AS facility,
                argMax(corrections.revoked, changed_at) AS revoked
            FROM corrections
            GROUP BY id
        )
        WHERE revoked = 0 AND workflow IN ('', {workflow:String})
    ) AS corrected
SELECT
    seconds,
    countIf(good AND NOT covered) AS good_count,
    countIf(NOT good AND NOT covered) AS bad_count,
    countIf(covered) AS excluded_count
FROM
(
    SELECT
        good,
        decided_at,
        arrayExists(
            one -> decided_at >= one.1 AND decided_at < one.2 AND (one.3 = '' OR one.3 = facility),
            corrected) AS covered
    FROM decisions
)
ARRAY JOIN {windows:Array(UInt32)} AS seconds
WHERE decided_at > {now:DateTime64(3, 'UTC')} - toIntervalSecond(seconds)
GROUP BY seconds
