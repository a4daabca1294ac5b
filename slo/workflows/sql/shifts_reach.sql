-- How far the stored business days of a calendar reach, per count of days.
SELECT days, max(since) FROM business_day_shifts WHERE calendar = {calendar:String} GROUP BY days
