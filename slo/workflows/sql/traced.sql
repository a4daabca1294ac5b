-- Which of some ids are traces.
SELECT DISTINCT trace_id FROM spans WHERE trace_id IN {tokens:Array(String)}
