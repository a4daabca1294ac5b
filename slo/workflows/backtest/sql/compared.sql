-- How often what stood and what the draft says go together, in every particular that counts.
SELECT
    was, becomes, old.3 AS rated_then, new.3 AS rated_now, old.4, old.5, new.4, new.5,
    count() AS times,
    groupArraySorted(5)(journey) AS examples
FROM ({{pairs}})
GROUP BY was, becomes, rated_then, rated_now, old.4, old.5, new.4, new.5
ORDER BY times DESC, was, becomes
SETTINGS optimize_aggregation_in_order = 1
