-- The journeys some keys belong to, those they belonged to once, and the key's own where nothing, or only its patient,
-- says where it belongs: a workflow may not hear that. A key that no link ever placed has no row.
SELECT
    token,
    arrayFilter(journey -> journey != '', arrayConcat(
        [argMax(key_places.journey, key_places.version)],
        arrayMap(era -> era.3, argMax(key_places.eras, key_places.version)),
        if(argMax(key_places.journey, key_places.version) = '' OR argMax(key_places.basis, key_places.version) = 'patient', [token], []))) AS journeys
FROM key_places
WHERE token IN {tokens:Array(String)}
GROUP BY token
UNION ALL
SELECT token, groupUniqArray(journey) FROM journey_former WHERE token IN {tokens:Array(String)} GROUP BY token
