-- How many occurrences follow a proposal: of those of the journeys it was made from that were not cancelled and whose
-- deadlines have all passed.
SELECT countIf(old), countIf(old AND rated = 1)
FROM
(
    SELECT rated, verdict != 'cancelled' AND last_due <= {now:DateTime64(3, 'UTC')} AS old
    FROM {{verdicts}}
    WHERE side = 1 AND journey IN (SELECT splitByChar(' ', journey)[1] FROM {{cases}})
)
