-- Which systems each interface lies between.
SELECT interface, anyLast(source), anyLast(destination)
FROM spans
WHERE toDate(start) >= toDate({since:DateTime64(3, 'UTC')}) AND interface != ''
GROUP BY interface
