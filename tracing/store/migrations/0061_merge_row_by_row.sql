-- Merging is a third of what storing a span costs. The rows of these tables lie in the order of random identifiers, so
-- that a merge takes nearly every row from another part than the one before; doing the columns one after another walks
-- the order of all rows once for each column. All columns of a row at once cost a fifth less in both. Only up to four
-- million rows: reading and writing many columns at once takes memory with the size of the parts, 200 MB by then.
ALTER TABLE ${table:spans} MODIFY SETTING vertical_merge_algorithm_min_rows_to_activate = 4000000;

ALTER TABLE ${table:checkpoints} MODIFY SETTING vertical_merge_algorithm_min_rows_to_activate = 4000000;
