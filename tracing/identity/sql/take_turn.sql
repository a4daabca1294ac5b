-- Says that this one works.
INSERT INTO reader_progress (reader, watermark, version)
SELECT {reader:String}, now64(3, 'UTC'), {me:UInt32}
