-- Where in spans the messages with some control IDs lie, the latest first, so many of each.
SELECT toString(day), leftPad(lower(hex(prefix)), 4, '0') AS start_of_trace FROM message_places
WHERE id IN (SELECT sipHash64(arrayJoin({ids:Array(String)})))
ORDER BY day DESC
LIMIT {most:UInt32} BY id
