-- How many cases began by then.
SELECT count() FROM {{cases}} WHERE began <= {old:DateTime64(3, 'UTC')}
