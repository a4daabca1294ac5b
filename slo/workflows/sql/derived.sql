-- Traces of messages that carry another trace than their own best key would give: a propagated context.
SELECT DISTINCT trace_id FROM derived_traces WHERE derived IN {tokens:Array(String)}
