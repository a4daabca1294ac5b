-- Columns of verdicts_table.sql from a row of facts aliased `i`. The states of steps are those of
-- slo.workflows.facts.StepFacts, by which a test holds them; nobody is at risk here, which is no verdict. Put into
-- other queries.
    i.journey AS journey,
    i.item AS item,
    {side:UInt8} AS side,
    i.started_at AS started_at,
    {{state}} AS verdict,
    multiIf(i.cancelled_at <= {now:DateTime64(3, 'UTC')}, 0, i.due_at < {now:DateTime64(3, 'UTC')}, -1,
        i.done_at <= {now:DateTime64(3, 'UTC')}, 1, 0) AS rated,
    arrayMax(arrayPushBack(arrayMap((r, d) -> if(r AND d < toDateTime64('2200-01-01 00:00:00', 3, 'UTC'), d, i.started_at),
        i.step_required, i.step_deadlines), i.started_at)) AS last_due,
    arrayFilter(step -> step.1 OR step.3 = 'failed', arrayMap((name, a, r, d, m, f) -> (r, name, multiIf(
        NOT a, 'not_applicable',
        m <= {now:DateTime64(3, 'UTC')}, if(m <= d, 'met', 'met_late'),
        i.cancelled_at <= {now:DateTime64(3, 'UTC')}, 'cancelled',
        f <= {now:DateTime64(3, 'UTC')}, 'failed',
        d < {now:DateTime64(3, 'UTC')}, if(r, 'overdue', 'not_applicable'),
        'pending')),
        i.step_names, i.step_applicable, i.step_required, i.step_deadlines, i.step_met_at, i.step_failed_at)) AS counting,
    arrayMap(step -> step.2, counting) AS names,
    arrayMap(step -> step.3, counting) AS states
