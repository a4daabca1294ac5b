-- The journeys of a page.
SELECT journey FROM {{journeys}} WHERE journey > {after:String} AND journey <= {last:String}
