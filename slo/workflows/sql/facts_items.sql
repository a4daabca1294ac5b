    -- An item by all its numbers. Where a message has as many of one authority as of the other (placer and filler), the
    -- first of each are one item's, and so on; otherwise every number is an item. Numbers that a message joins, over
    -- up to three such messages, are one item, named by the least.
    numbers AS (SELECT DISTINCT journey, arrayJoin(items) AS number FROM placed),
    known AS
    (
        SELECT journey, groupArray(number) AS theirs, groupArray(authority) AS authorities
        FROM numbers
        LEFT ANY JOIN (
            SELECT token, min(authority) AS authority FROM keys WHERE token IN (SELECT number FROM numbers) GROUP BY token
        ) AS key ON numbers.number = key.token
        GROUP BY journey
    ),
    paired AS
    (
        SELECT
            named.journey AS journey,
            arrayMap(number -> known.authorities[indexOf(known.theirs, number)], named.items) AS whose,
            arrayDistinct(whose) AS who,
            if(length(arrayDistinct(arrayMap(one -> countEqual(whose, one), who))) = 1,
                arrayMap(n -> arrayMap(one -> arrayFilter((number, its) -> its = one, named.items, whose)[n], who),
                    range(1, countEqual(whose, whose[1]) + 1)),
                arrayMap(number -> [number], named.items)) AS pairs
        FROM (SELECT DISTINCT journey, items FROM placed WHERE notEmpty(items)) AS named
        INNER JOIN known ON named.journey = known.journey
    ),
    same AS
    (
        SELECT
            journey,
            groupUniqArrayArray(pairs) AS groups,
            arrayDistinct(arrayFlatten(groups)) AS theirs,
            arrayMap(number -> arraySort(arrayFlatten(arrayFilter(group -> has(group, number), groups)))[1], theirs) AS once,
            arrayMap(group -> arraySort(arrayMap(number -> once[indexOf(theirs, number)], group))[1], groups) AS leasts,
            arrayMap(number -> arraySort(arrayFilter((least, group) -> has(group, number), leasts, groups))[1], theirs) AS twice,
            arrayMap(group -> arraySort(arrayMap(number -> twice[indexOf(theirs, number)], group))[1], groups) AS least,
            arrayMap(number -> arraySort(arrayFilter((one, group) -> has(group, number), least, groups))[1], theirs) AS roots
        FROM paired
        GROUP BY journey
    ),
    events AS
    (
        SELECT
            placed.journey AS journey, probable, step, at, outcome, ack_code, reason, identity, facility, tags,
            arrayJoin(arrayDistinct(if(empty(placed.items), same.roots,
                arrayMap(number -> same.roots[indexOf(same.theirs, number)], placed.items)))) AS item
        FROM placed
        INNER JOIN same ON placed.journey = same.journey
    ),
