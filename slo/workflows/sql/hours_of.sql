-- Hours in which instances were started, decided or closed, with their workflow. An aggregate over rows of instances.
groupUniqArrayArray(arrayMap(moment -> (workflow, toStartOfHour(toDateTime(moment, 'UTC'))),
        arrayFilter(moment -> moment < toDateTime64('2100-01-01 00:00:00', 3, 'UTC'),
            [started_at, good_at, due_at, done_at, cancelled_at])))
