-- The next journeys in their order.
SELECT journey FROM {{table}} WHERE journey > {after:String} GROUP BY journey ORDER BY journey LIMIT {page:UInt32}
