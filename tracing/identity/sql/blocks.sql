-- Moments at which rows were stored, each with a digest of these rows; few, as an insert stamps all its rows alike.
SELECT ingested_at, sum(cityHash64({{digest}})) AS digest FROM {{table}}
WHERE ingested_at >= {since:DateTime64(3, 'UTC')} {{only}}
GROUP BY ingested_at
