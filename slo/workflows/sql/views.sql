-- Views of the versions of one workflow.
SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {prefix:String})
