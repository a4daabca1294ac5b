-- Moments at which rows were stored, each with a digest of these rows; few, as an insert stamps all its rows alike.
SELECT ingested_at, {{digest}} AS digest FROM {{table}}
WHERE ingested_at >= {since:DateTime64(3, 'UTC')}
GROUP BY ingested_at
