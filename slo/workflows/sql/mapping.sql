-- Where keys belong, as key_places says it last; read by journey_of.sql.
    mapping AS
    (
        SELECT
            token,
            argMax(key_places.journey, key_places.version) AS root,
            argMax(key_places.certainty, key_places.version) AS sure,
            argMax(key_places.basis, key_places.version) AS basis,
            argMax(key_places.eras, key_places.version) AS eras
        FROM key_places
        {{mapping_scope}}
        GROUP BY token
    )
