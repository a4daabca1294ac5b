-- What kinds of messages there were, from where to where.
SELECT DISTINCT interface, source, destination, message, operation
FROM spans
WHERE toDate(start) >= toDate({since:DateTime64(3, 'UTC')}) AND interface != '' AND (message != '' OR operation != '')
