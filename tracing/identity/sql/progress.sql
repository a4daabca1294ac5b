-- How far one reader of new rows has come.
SELECT watermark, version FROM reader_progress FINAL WHERE reader = {reader:String}
