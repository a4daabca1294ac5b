-- Rows of instances of a workflow, repetitions included: an upper bound that is cheap to have.
SELECT count() FROM instances WHERE workflow = {workflow:String} AND started_at >= {since:DateTime64(3, 'UTC')}
