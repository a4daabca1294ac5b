-- One row for each journey of a kind that began in time: what happened after its first start, each activity by its
-- first success. `delays` are seconds from the start to the acknowledgement. Put into other queries.
SELECT
    journey,
    arraySort(groupUniqArray((at, activity, good, took_ms, identity))) AS events,
    arrayFirst(event -> event.2 = {start:String}, events).1 AS began,
    argMinIf(tags, (at, identity), activity = {start:String}) AS told,
    arrayFilter(event -> event.1 >= began, events) AS after,
    arrayDistinct(arrayMap(event -> event.2, arrayFilter(event -> event.3 = 1, after))) AS acts,
    arrayMap(act -> arrayMin(arrayMap(event -> (toInt64(toUnixTimestamp64Milli(event.1)) - toUnixTimestamp64Milli(began) + event.4) / 1000.,
        arrayFilter(event -> event.2 = act AND event.3 = 1, after))), acts) AS delays
FROM {{table}}
GROUP BY journey
HAVING max(kind = {kind:String}) AND has(arrayMap(event -> event.2, events), {start:String})
    AND began >= {since:DateTime64(3, 'UTC')} AND began <= {now:DateTime64(3, 'UTC')}
