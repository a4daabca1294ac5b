-- Marks what this evaluation did not find again: occurrences that are no more, and rows of an occurrence whose start
-- moved to another month (hence the newest row of each week by itself, as a reader of some time sees it).
INSERT INTO instances
SELECT * REPLACE (1 AS deleted, subtractMicroseconds({run:DateTime64(6, 'UTC')}, 1) AS evaluated_at)
FROM
(
    SELECT * FROM instances
    WHERE workflow IN {workflows:Array(String)} AND journey IN {journeys:Array(String)}
        AND {{asked_of}} IN {gone:Array(String)}
    ORDER BY evaluated_at DESC
    LIMIT 1 BY toMonday(started_at), workflow, version, journey, item, occurrence
) AS i
WHERE i.deleted = 0 AND i.evaluated_at < {run:DateTime64(6, 'UTC')}
