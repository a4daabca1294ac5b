-- How many spans there are on each day of some.
SELECT toDate(start) AS day, count() FROM spans
WHERE toDate(start) >= {first:Date} AND toDate(start) <= {last:Date}
GROUP BY day
ORDER BY day
