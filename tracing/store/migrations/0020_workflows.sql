-- reader_progress: how far a reader of new rows has come (identity resolver, workflow evaluator). Written and
-- read by that reader only; `version` is the workflow version that was judged over all history.
CREATE TABLE IF NOT EXISTS ${table:reader_progress}
(
    reader     String CODEC(ZSTD(1)),
    watermark  DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    version    UInt32 CODEC(ZSTD(1)),
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(updated_at)}
ORDER BY reader;

${distributed:reader_progress:cityHash64(reader)};

-- journey_former: journeys that a token belonged to once. Written by the identity resolver before it moves a
-- token; read by the evaluator, so that the journey a token left is judged again, too. Sorted by the question.
CREATE TABLE IF NOT EXISTS ${table:journey_former}
(
    token   String CODEC(ZSTD(1)),
    journey String CODEC(ZSTD(1)),
    left_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(left_at)}
ORDER BY (token, journey);

${distributed:journey_former:cityHash64(token)};

-- instances: facts of every occurrence of a workflow, never a verdict: a verdict needs a clock, so states are an
-- expression over these columns and `now` (slo/workflows/sql/judged.sql). Written by the evaluator only, a row per
-- re-evaluation; the newest stays, `deleted` marks one that is no more. Sorted by journey for the encounter page
-- and for re-evaluation; partitioned by week of start, so that figures over a month read a month. Small granules:
-- journeys are random, so each one looked up reads a granule of its own, and rows are wide.
-- "Never" is 2200-01-01, which keeps every comparison total. Arrays run parallel, one entry per step.
--   good_at      when the last applicable step was met, if all were met in time, else never
--   due_at       first deadline of an applicable step that was not met by it (it may lie ahead), else never
--   done_at      when the last applicable step was met, in time or not
--   next_due     first deadline of an applicable step that is still unmet
--   failing_at   first refusal at an applicable step that is still unmet
--   waiting      mask of applicable unmet steps, lowest bit is the first step
CREATE TABLE IF NOT EXISTS ${table:instances}
(
    workflow         LowCardinality(String) CODEC(ZSTD(1)),
    version          UInt32 CODEC(ZSTD(1)),
    journey          String CODEC(ZSTD(1)),
    occurrence       UInt32 CODEC(T64, ZSTD(1)),
    certainty        LowCardinality(String) CODEC(ZSTD(1)),
    facility         LowCardinality(String) CODEC(ZSTD(1)),
    started_at       DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    cancelled_at     DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    step_names       Array(LowCardinality(String)) CODEC(ZSTD(1)),
    step_applicable  Array(UInt8) CODEC(ZSTD(1)),
    step_deadlines   Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    step_met_at      Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    step_failed_at   Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    met_outcomes     Array(LowCardinality(String)) CODEC(ZSTD(1)),
    met_acks         Array(LowCardinality(String)) CODEC(ZSTD(1)),
    failed_outcomes  Array(LowCardinality(String)) CODEC(ZSTD(1)),
    failed_acks      Array(LowCardinality(String)) CODEC(ZSTD(1)),
    failed_reasons   Array(LowCardinality(String)) CODEC(ZSTD(1)),
    good_at          DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    due_at           DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    done_at          DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    next_due         DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    failing_at       DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    waiting          UInt64 CODEC(ZSTD(1)),
    closed           UInt8 CODEC(ZSTD(1)),
    deleted          UInt8 CODEC(ZSTD(1)),
    evaluated_at     DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(evaluated_at)}
PARTITION BY toMonday(started_at)
ORDER BY (workflow, journey, occurrence)
SETTINGS index_granularity = 256;

${distributed:instances:cityHash64(journey)};

-- open_instances: the instances that are not closed, narrow enough to judge a million of them in one breath.
-- Written by the evaluator beside `instances`; read by board and attention list. A closed one becomes a row with
-- `deleted`, which FINAL hides and the evaluator sweeps out from time to time.
CREATE TABLE IF NOT EXISTS ${table:open_instances}
(
    workflow     LowCardinality(String) CODEC(ZSTD(1)),
    journey      String CODEC(ZSTD(1)),
    occurrence   UInt32 CODEC(T64, ZSTD(1)),
    facility     LowCardinality(String) CODEC(ZSTD(1)),
    started_at   DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    next_due     DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    failing_at   DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    waiting      UInt64 CODEC(ZSTD(1)),
    deleted      UInt8 CODEC(ZSTD(1)),
    evaluated_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(evaluated_at, deleted)}
ORDER BY (workflow, journey, occurrence)
SETTINGS allow_experimental_replacing_merge_with_cleanup = 1;

${distributed:open_instances:cityHash64(journey)};

-- instance_hours: what was decided in each hour. Written by the evaluator (whole hours at a time, recomputed from
-- `instances`, so that writing one twice changes nothing); read by the board's 24-hour and 30-day shares.
-- good and bad by the hour of the decision, the other counts by the hour in which it happened.
CREATE TABLE IF NOT EXISTS ${table:instance_hours}
(
    workflow       LowCardinality(String) CODEC(ZSTD(1)),
    hour           DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    started        UInt64 CODEC(T64, ZSTD(1)),
    good           UInt64 CODEC(T64, ZSTD(1)),
    bad            UInt64 CODEC(T64, ZSTD(1)),
    completed      UInt64 CODEC(T64, ZSTD(1)),
    completed_late UInt64 CODEC(T64, ZSTD(1)),
    cancelled      UInt64 CODEC(T64, ZSTD(1)),
    computed_at    DateTime64(6, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(computed_at)}
ORDER BY (workflow, hour);

${distributed:instance_hours:cityHash64(workflow)};

-- step_risk: after how many seconds an unmet step is likelier late than not, learned from the last 30 days.
-- Written by the evaluator each minute; read wherever states are judged. Arrays have an entry per step;
-- `risk_after` is negative where the history is too short or knows no such moment.
CREATE TABLE IF NOT EXISTS ${table:step_risk}
(
    workflow    LowCardinality(String) CODEC(ZSTD(1)),
    version     UInt32 CODEC(ZSTD(1)),
    risk_after  Array(Float64) CODEC(ZSTD(1)),
    samples     Array(UInt64) CODEC(ZSTD(1)),
    computed_at DateTime64(6, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(computed_at)}
ORDER BY workflow;

${distributed:step_risk:cityHash64(workflow)};

-- business_day_shifts: deadlines in business days as a step function: from `since` on, `days` business days last
-- `shift_ms`. Written when a workflow is activated, computed by the calendar itself, so that SQL and Python cannot
-- differ; read by ASOF JOIN. `calendar` carries a fingerprint of the calendar's content.
CREATE TABLE IF NOT EXISTS ${table:business_day_shifts}
(
    calendar String CODEC(ZSTD(1)),
    days     UInt16 CODEC(ZSTD(1)),
    since    DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    shift_ms Int64 CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree()}
ORDER BY (calendar, days, since);

${distributed:business_day_shifts:cityHash64(calendar)};
