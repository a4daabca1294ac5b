-- The spans of some traces on the days that these have any: the n-th group of several. A trace that has nothing on a day
-- would cost a granule of that day all the same. What the trace was derived from and the patient are '' where nobody
-- needs them: wide columns of every granule touched. A span sent twice is there twice: the reader takes the newest. One
-- tuple and not a column each, because the planning of a column costs more than its reading.
SELECT (trace_id, {{derived}}, {{patient}}, start, span_id{{columns}})
FROM spans
PREWHERE trace_id IN {traces_{{n}}:Array(String)}
WHERE toDate(start) IN {days_{{n}}:Array(Date)}
