-- Every row of where some keys belong, for the reader to take the newest of each: cheaper than to have the engine pack
-- the newest of five columns. One tuple and not a column each, because planning a column costs more than reading it.
SELECT (token, version, kind, journey, certainty, basis, arrayMap(era -> (era.1, era.2, era.3), eras))
FROM key_places
PREWHERE token IN {tokens:Array(String)}
