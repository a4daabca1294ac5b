-- Verdicts that would be others, by journey.
SELECT journey, item, began, was, becomes, old.4, old.5, new.4, new.5
FROM ({{pairs}})
WHERE was != becomes
ORDER BY journey, item, n
LIMIT {limit:UInt32}
SETTINGS optimize_aggregation_in_order = 1
