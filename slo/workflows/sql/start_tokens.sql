-- Keys that one workflow version started with, a page in key order: all its instances hang on them.
SELECT DISTINCT token FROM checkpoints
WHERE workflow = {workflow:String} AND version = {version:UInt32} AND step = '@start' AND token > {after:String}
ORDER BY token
LIMIT {page:UInt32}
