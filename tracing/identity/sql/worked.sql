-- Moments that a reader has worked since, each with the digest its rows had then.
SELECT at, argMax(digest, worked_at) FROM reader_blocks
WHERE reader = {reader:String} AND at >= {since:DateTime64(3, 'UTC')}
GROUP BY at
