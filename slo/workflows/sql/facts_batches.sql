-- What was said of the batch that a start came in, as if it had been said of each that started in it. Put into
-- facts.sql for versions that hear such messages: their token is the batch's.
UNION ALL
SELECT of_batch.* REPLACE (begun.token AS token, begun.patient AS patient, begun.items AS items), of_batch.at AS seen_at
FROM
(
    SELECT DISTINCT workflow, version, token, patient, items, tags['batch'] AS batch FROM {{checkpoints}} AS checkpoints
    WHERE (workflow, version) IN ({{versions}}) AND step = '@start' AND tags['batch'] != '' {{token_scope}}
) AS begun
INNER JOIN
(
    SELECT * FROM {{checkpoints}} AS checkpoints
    WHERE (workflow, version) IN ({{versions}}) AND token IN
    (
        SELECT tags['batch'] FROM {{checkpoints}} AS checkpoints
        WHERE (workflow, version) IN ({{versions}}) AND step = '@start' AND tags['batch'] != '' {{token_scope}}
    )
) AS of_batch ON of_batch.workflow = begun.workflow AND of_batch.version = begun.version AND of_batch.token = begun.batch
