listed AS
(
    SELECT journey, groupUniqArrayIf(items, notEmpty(items)) AS lists, [] AS happened FROM placed GROUP BY journey
),
