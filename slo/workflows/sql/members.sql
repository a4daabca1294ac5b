-- All keys of some journeys.
SELECT DISTINCT token FROM journey_members WHERE journey IN {journeys:Array(String)}
