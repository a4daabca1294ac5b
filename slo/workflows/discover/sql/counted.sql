-- Steps that were seen more often than they are expected, before the start, or without any start, counted over the
-- cases of a reconciliation of all steps (slo/workflows/reconcile/sql/cases.sql).
SELECT kind, step, count() AS times, groupArraySample(3, 7)(journey) AS examples
FROM
(
    SELECT
        journey,
        arrayJoin(arrayConcat(
            arrayMap(pair -> ('repeated', pair.1), arrayFilter(pair -> number > 0 AND pair.2 > pair.3,
                arrayZip({steps:Array(String)}, counts, {expected:Array(UInt32)}))),
            arrayMap(place -> ('before the start', {steps:Array(String)}[place]),
                arrayDistinct(arrayMap(line -> line.1, arrayFilter(line -> number > 0 AND line.2 < began, mine)))),
            if(number = 0, arrayMap(line -> ('without a start', {steps:Array(String)}[line.1]), [mine[1]]), [])
        )) AS found,
        found.1 AS kind,
        found.2 AS step
    FROM {{cases}}
)
GROUP BY kind, step
