-- The whole language of workflows: items of a journey, steps after steps, versions side by side, deadlines by clock.
-- What is dropped here is made again from spans by the first activation after this: checkpoints, and from them the
-- instances.

-- checkpoints: one row per span that matched a step of a workflow version. Written by one view for all versions in
-- force, made when a workflow is activated; read by the evaluator, which takes the least `at` of a step.
-- The key is deterministic, so a re-sent span collapses; min and any do not mind before it has.
--   items     the items a message of a workflow with `for_each` is about, by all their numbers in its order
--   identity  the message's control ID, else the span: the same for a message sent again
DROP TABLE IF EXISTS ${table:checkpoints} SYNC;

CREATE TABLE IF NOT EXISTS ${table:checkpoints}
(
    workflow    LowCardinality(String) CODEC(ZSTD(1)),
    version     UInt32 CODEC(T64, ZSTD(1)),
    step        LowCardinality(String) CODEC(ZSTD(1)),
    token       String CODEC(ZSTD(1)),
    token_kind  LowCardinality(String) CODEC(ZSTD(1)),
    patient     String CODEC(ZSTD(1)),
    at          DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    outcome     LowCardinality(String) CODEC(ZSTD(1)),
    ack_code    LowCardinality(String) CODEC(ZSTD(1)),
    reason      LowCardinality(String) CODEC(ZSTD(1)),
    interface   LowCardinality(String) CODEC(ZSTD(1)),
    span_id     String CODEC(ZSTD(1)),
    trace_id    String CODEC(ZSTD(1)),
    facility    LowCardinality(String) CODEC(ZSTD(1)),
    tags        Map(String, String) CODEC(ZSTD(1)),
    measures    Map(String, Float64) CODEC(ZSTD(1)),
    items       Array(String) CODEC(ZSTD(1)),
    identity    String CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ${engine:ReplacingMergeTree(ingested_at)}
PARTITION BY toYYYYMM(at)
ORDER BY (workflow, version, token, step, span_id)
SETTINGS ${dedup};

${redistributed:checkpoints:cityHash64(token)};

-- instances: facts of every occurrence of a workflow, never a verdict: a verdict needs a clock, so states are an
-- expression over these columns and `now` (slo/workflows/sql/judged.sql). Written by the evaluator only, a row per
-- re-evaluation; the newest stays, `deleted` marks one that is no more. Sorted by journey for the encounter page
-- and for re-evaluation; partitioned by month of start, so that figures over a month read a month or two: a
-- look-up costs per part, and a year of weeks would be three hundred parts. Small granules:
-- journeys are random, so each one looked up reads a granule of its own, and rows are wide.
-- "Never" is 2200-01-01, which keeps every comparison total. Arrays run parallel, one entry per step.
--   step_required  steps the instance waits for: they apply and are not optional; the figures below are of these
--   step_bases     what a deadline counts from; never while the step before is open
--   good_at      when the last required step was met, if all were met in time, else never
--   due_at       first deadline of a required step that was not met by it (it may lie ahead), else never
--   done_at      when the last required step was met, in time or not
--   next_due     first deadline of a required step that is still unmet
--   failing_at   first refusal at a required step that is still unmet
--   waiting      mask of required unmet steps, lowest bit is the first step
DROP TABLE IF EXISTS ${table:instances} SYNC;

CREATE TABLE IF NOT EXISTS ${table:instances}
(
    workflow         LowCardinality(String) CODEC(ZSTD(1)),
    version          UInt32 CODEC(ZSTD(1)),
    journey          String CODEC(ZSTD(1)),
    item             String CODEC(ZSTD(1)),
    occurrence       UInt32 CODEC(T64, ZSTD(1)),
    certainty        LowCardinality(String) CODEC(ZSTD(1)),
    facility         LowCardinality(String) CODEC(ZSTD(1)),
    started_at       DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    cancelled_at     DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    ended_at         DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    step_names       Array(LowCardinality(String)) CODEC(ZSTD(1)),
    step_applicable  Array(UInt8) CODEC(ZSTD(1)),
    step_required    Array(UInt8) CODEC(ZSTD(1)),
    step_bases       Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
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
PARTITION BY toYYYYMM(started_at)
ORDER BY (workflow, journey, item, version, occurrence)
SETTINGS index_granularity = 256;

${redistributed:instances:cityHash64(journey)};

-- open_instances: the instances that are not closed, narrow enough to judge a million of them in one breath.
-- Written by the evaluator beside `instances`; read by board and attention list. A closed one becomes a row with
-- `deleted`, which FINAL hides and the evaluator sweeps out from time to time.
DROP TABLE IF EXISTS ${table:open_instances} SYNC;

CREATE TABLE IF NOT EXISTS ${table:open_instances}
(
    workflow     LowCardinality(String) CODEC(ZSTD(1)),
    version      UInt32 CODEC(ZSTD(1)),
    journey      String CODEC(ZSTD(1)),
    item         String CODEC(ZSTD(1)),
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
ORDER BY (workflow, journey, item, version, occurrence)
SETTINGS allow_experimental_replacing_merge_with_cleanup = 1;

${redistributed:open_instances:cityHash64(journey)};

-- deadline_pieces: deadlines of a calendar as a step function: from `since` on, the deadline of a base is `at`, or
-- `shift_ms` after it where `at` is 1970. `rule` carries a fingerprint of the calendar's content and the deadline.
-- Written when a workflow is activated, computed by the calendar itself, so that SQL and Python cannot differ; read
-- by ASOF JOIN. Takes the place of business_day_shifts.
CREATE TABLE IF NOT EXISTS ${table:deadline_pieces}
(
    rule     String CODEC(ZSTD(1)),
    since    DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    shift_ms Int64 CODEC(ZSTD(1)),
    at       DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree()}
ORDER BY (rule, since);

${distributed:deadline_pieces:cityHash64(rule)};

DROP TABLE IF EXISTS ${table:business_day_shifts} SYNC;

DROP TABLE IF EXISTS ${view:business_day_shifts} SYNC;

-- A version judges the occurrences that start at valid_from or later and before the next version's. `compiled` says
-- what its stored checkpoints were made by.
ALTER TABLE ${table:workflow_definitions}
    ADD COLUMN IF NOT EXISTS valid_from DateTime64(3, 'UTC') DEFAULT '1970-01-01 00:00:00.000' CODEC(ZSTD(1)) AFTER active,
    ADD COLUMN IF NOT EXISTS compiled String CODEC(ZSTD(1)) AFTER valid_from;

${redistributed:workflow_definitions:cityHash64(name)};
