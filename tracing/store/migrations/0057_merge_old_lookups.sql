-- What search looks keys, traces and messages up in: each part costs a look-up a millisecond, and the engine leaves five
-- to nine of different sizes by itself. Once a day those older than a day become one, as with key_facts in 0054; small
-- blocks, because a look-up wants a row and had to unpack hundreds of kilobytes. For ten million journeys the merges take
-- about six minutes of one core a day.
ALTER TABLE ${table:keys} MODIFY SETTING min_age_to_force_merge_seconds = 86400, min_compress_block_size = 4096, max_compress_block_size = 16384;

ALTER TABLE ${table:key_places} MODIFY SETTING min_age_to_force_merge_seconds = 86400;

ALTER TABLE ${table:journey_members} MODIFY SETTING min_age_to_force_merge_seconds = 86400, min_compress_block_size = 4096, max_compress_block_size = 16384;

ALTER TABLE ${table:trace_days} MODIFY SETTING min_age_to_force_merge_seconds = 86400, min_compress_block_size = 4096, max_compress_block_size = 16384;

ALTER TABLE ${table:derived_traces} MODIFY SETTING min_age_to_force_merge_seconds = 86400, min_compress_block_size = 4096, max_compress_block_size = 16384;

ALTER TABLE ${table:message_places} MODIFY SETTING min_age_to_force_merge_seconds = 86400, min_compress_block_size = 4096, max_compress_block_size = 16384;
