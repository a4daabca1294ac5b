-- The spans of some traces on the days that these have any: the n-th group of several. A trace that has nothing on a day
-- would cost a granule of that day all the same.
SELECT * FROM spans
PREWHERE trace_id IN {traces_{{n}}:Array(String)}
WHERE toDate(start) IN {days_{{n}}:Array(Date)}
