    listed AS
    (
        SELECT
            workflow,
            version,
            journey,
            groupUniqArrayIf(items, notEmpty(items)) AS lists,
            groupArray((step, at, outcome, ack_code, reason, identity, items, facility, n, meets, fails, told, probable)) AS happened
        FROM placed
        GROUP BY workflow, version, journey
    ),
    {{items}}
    events AS
    (
        SELECT
            workflow, version, journey, one.1 AS step, one.2 AS at, one.3 AS outcome, one.4 AS ack_code, one.5 AS reason,
            one.6 AS identity, one.8 AS facility, one.9 AS n, one.10 AS meets, one.11 AS fails, one.12 AS told,
            one.13 AS probable,
            arrayJoin(arrayDistinct(if(empty(one.7), roots, arrayMap(number -> roots[indexOf(theirs, number)], one.7)))) AS item
        FROM same
        ARRAY JOIN happened AS one
    ),
