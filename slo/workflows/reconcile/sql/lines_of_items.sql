-- Messages of a workflow with `for_each`, once for each item they name; `same` is in items.sql of slo.workflows.
SELECT
    placed.*,
    arrayJoin(arrayDistinct(if(empty(placed.items), same.roots,
        arrayMap(number -> same.roots[indexOf(same.theirs, number)], placed.items)))) AS item
FROM placed
INNER JOIN same ON placed.journey = same.journey
