-- What the items of journeys are called, for queries over a CTE `listed` (journey, lists of numbers in its messages,
-- happened). An item by all its numbers: where a message has as many of one authority as of the other (placer and
-- filler), the first of each are one item's, and so on; otherwise every number is an item. Numbers that messages join,
-- over up to three of them, are one item, named by the least. Which authority gave a number is known of those that
-- belong to the journey. The rows have `theirs`, every number, and `roots`, the item of each, and `happened`.
same AS
(
    SELECT
        {{whose}}, happened, theirs,
        arrayMap(number -> arraySort(arrayFilter((one, pair) -> has(pair, number), third, pairs))[1], theirs) AS roots
    FROM
    (
        SELECT *, arrayMap(pair -> arraySort(arrayMap(number -> twice[indexOf(theirs, number)], pair))[1], pairs) AS third
        FROM
        (
            SELECT *, arrayMap(number -> arraySort(arrayFilter((one, pair) -> has(pair, number), least, pairs))[1], theirs) AS twice
            FROM
            (
                SELECT *, arrayMap(pair -> arraySort(arrayMap(number -> once[indexOf(theirs, number)], pair))[1], pairs) AS least
                FROM
                (
                    SELECT
                        *, arrayMap(number -> arraySort(arrayFlatten(arrayFilter(pair -> has(pair, number), pairs)))[1], theirs) AS once
                    FROM
                    (
                        SELECT
                            {{whose}}, happened, theirs,
                            arrayReduce('groupUniqArrayArray', arrayMap((list, whose) -> if(
                                length(arrayDistinct(arrayMap(one -> countEqual(whose, one), whose))) = 1,
                                arrayMap(n -> arrayMap(one -> arrayFilter((number, its) -> its = one, list, whose)[n],
                                    arrayDistinct(whose)), range(1, countEqual(whose, whose[1]) + 1)),
                                arrayMap(number -> [number], list)), lists, owners)) AS pairs
                        FROM
                        (
                            SELECT
                                {{whose}},
                                any(happened) AS happened,
                                any(lists) AS lists,
                                groupArray(called) AS theirs,
                                groupArray(authority) AS authorities,
                                arrayMap(list -> arrayMap(number -> authorities[indexOf(theirs, number)], list), lists) AS owners
                            FROM
                            (
                                SELECT {{whose}}, happened, lists, called
                                FROM listed
                                ARRAY JOIN arrayDistinct(arrayFlatten(lists)) AS called
                            ) AS one
                            LEFT ANY JOIN
                            (
                                SELECT member.journey AS whose, member.token AS token, key.authority AS authority
                                FROM (SELECT journey, token FROM journey_members {{journey_scope}}) AS member
                                INNER JOIN
                                (
                                    SELECT token, min(authority) AS authority FROM keys {{key_scope}} GROUP BY token
                                ) AS key ON member.token = key.token
                            ) AS known ON one.journey = known.whose AND one.called = known.token
                            GROUP BY {{whose}}
                        )
                    )
                )
            )
        )
    )
),
