-- The cases of events of journeys of a kind. {from} and {to}: activities that are told by one name together.
INSERT INTO {{cases}} (journey, began, told, acts, delays, times)
SELECT
    journey,
    began,
    mapUpdate(told, map('facility', place)),
    arrayMap(one -> one.1, found),
    arrayMap(one -> one.2, found),
    arrayMap(one -> one.3, found)
FROM
(
    SELECT
        journey,
        arraySort(groupUniqArray((at, act, good, took_ms, identity))) AS events,
        arrayFirst(event -> event.2 = {start:String}, events).1 AS began,
        argMinIf(tags, (at, identity), act = {start:String}) AS told,
        argMinIf(toString(facility), (at, identity), act = {start:String}) AS place,
        arrayFilter(event -> event.1 >= began AND event.3 = 1, events) AS after,
        arrayMap(name -> (
            name,
            arrayMin(arrayMap(event -> (toInt64(toUnixTimestamp64Milli(event.1)) - toUnixTimestamp64Milli(began) + event.4) / 1000.,
                arrayFilter(event -> event.2 = name, after))),
            length(arrayDistinct(arrayMap(event -> event.5, arrayFilter(event -> event.2 = name, after))))
        ), arrayDistinct(arrayMap(event -> event.2, after))) AS found
    FROM (SELECT *, transform(toString(activity), {from:Array(String)}, {to:Array(String)}, toString(activity)) AS act FROM {{table}})
    GROUP BY journey
    HAVING max(kind = {kind:String}) AND has(arrayMap(event -> event.2, events), {start:String})
        AND began >= {since:DateTime64(3, 'UTC')} AND began <= {now:DateTime64(3, 'UTC')}
)
SETTINGS optimize_aggregation_in_order = 1
