-- Rows of instances of a workflow, repetitions included: an upper bound that is cheap to have; and the engine's time.
SELECT count(), now64(6, 'UTC') FROM instances WHERE workflow = {workflow:String} AND started_at >= {since:DateTime64(3, 'UTC')}
