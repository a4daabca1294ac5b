-- Keys that one workflow version started with in some batches.
SELECT DISTINCT token FROM batches
WHERE workflow = {workflow:String} AND version = {version:UInt32} AND batch IN {batches:Array(String)}
