-- Where in spans the spans with some span IDs lie.
SELECT toString(day), leftPad(lower(hex(prefix)), 4, '0') AS start_of_trace FROM message_places
WHERE id IN (SELECT reinterpretAsUInt64(unhex(arrayJoin({ids:Array(String)}))))
ORDER BY day DESC
LIMIT {most:UInt32} BY id
