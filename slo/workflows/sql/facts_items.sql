    listed AS
    (
        SELECT
            journey,
            groupUniqArrayIf(items, notEmpty(items)) AS lists,
            groupArray((step, at, outcome, ack_code, reason, identity, items, facility, tags, probable)) AS happened
        FROM placed
        GROUP BY journey
    ),
    {{items}}
    events AS
    (
        SELECT
            journey, one.1 AS step, one.2 AS at, one.3 AS outcome, one.4 AS ack_code, one.5 AS reason, one.6 AS identity,
            one.8 AS facility, one.9 AS tags, one.10 AS probable,
            arrayJoin(arrayDistinct(if(empty(one.7), roots, arrayMap(number -> roots[indexOf(theirs, number)], one.7)))) AS item
        FROM same
        ARRAY JOIN happened AS one
    ),
