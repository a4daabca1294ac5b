-- How many journeys began so.
SELECT count() FROM ({{cases}}) SETTINGS optimize_aggregation_in_order = 1
