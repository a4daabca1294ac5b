-- Totals of each group: what the steps said of the settled cases, and how many are not settled. `net` is how far
-- the sums lie apart, `gross` what single cases lie apart, added up: 12 against 12 may hide one too many and one
-- too few.
SELECT
    keys,
    currency,
    countIf(came_to = 'settled') AS settled,
    countIf(came_to = 'waiting') AS waiting,
    countIf(came_to = 'cancelled') AS cancelled,
    countIf(came_to = 'exempt') AS exempt,
    countIf(differs) AS differing,
    sumForEachIf(counts, came_to = 'settled') AS group_counts,
    sumForEachIf(sums, came_to = 'settled') AS group_sums,
    sumForEachIf(unmeasured, came_to = 'settled') AS group_unmeasured,
    sumIf(apart, came_to = 'settled') AS gross
FROM {{cases}}
GROUP BY keys, currency
ORDER BY keys, currency
