-- The cases that make the difference, the largest first, with their messages.
SELECT journey, item, number, began, sure, refused, keys, currency, counts, sums, mine, apart
FROM {{cases}}
WHERE differs AND ({one_group:UInt8} = 0 OR keys = {group:Array(String)})
ORDER BY apart DESC, began, journey, item, number, keys, currency
LIMIT {limit:UInt32}
