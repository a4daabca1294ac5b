-- Where the next page of journeys ends; '' when there is none.
SELECT max(journey)
FROM (SELECT DISTINCT journey FROM {{journeys}} WHERE journey > {after:String} ORDER BY journey LIMIT {page:UInt32})
