-- Days that have spans.
SELECT DISTINCT toDate(start) AS day FROM spans ORDER BY day
