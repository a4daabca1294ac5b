-- Tables that some question made for itself and that are still there.
SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {prefix:String})
