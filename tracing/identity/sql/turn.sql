-- Who works, if it was heard of lately.
SELECT version FROM reader_progress
WHERE reader = {reader:String} AND updated_at > now64(6, 'UTC') - toIntervalMillisecond({silent_ms:UInt32})
ORDER BY updated_at DESC
LIMIT 1
