-- What every compared step said, a row a message, step, journey and item, however often and by whichever way it came:
-- the earliest sighting of an identity speaks. Written by gather.py into a table of its own, read by cases.sql.
-- Values are whole millionths, so that no order of adding changes a sum. A message without any number is nobody's (an
-- interchange, beside the claims in it) and does not count.
-- {steps}, {outcomes}: the compared steps and what counts as having happened; {by}: what groups are made of.
INSERT INTO {{table}}
WITH
    {now:DateTime64(3, 'UTC')} AS moment,
    near AS
    (
        -- By the collector's clock, as the occurrences are: what the tap's own is ahead of it is taken off.
        SELECT
            version, token, patient, step, subtractMilliseconds(noted.at, clock.ahead_ms) AS at, outcome, ack_code, reason,
            identity, items, facility, tags, measures, span_id
        FROM checkpoints AS noted
        ASOF LEFT JOIN clock_corrections AS clock ON noted.interface = clock.interface AND noted.at >= clock.since
        WHERE workflow = {workflow:String} AND noted.at >= {reach:DateTime64(3, 'UTC')} AND noted.at <= moment
            AND token_kind != '' AND token IN (
                SELECT token FROM checkpoints
                WHERE workflow = {workflow:String} AND at >= {early:DateTime64(3, 'UTC')} AND at <= moment)
    ),
    {{mapping}},
    placed AS
    (
        SELECT
            {{journey_of}},
            seen.step AS step, seen.at AS at, seen.outcome AS outcome, seen.ack_code AS ack_code,
            seen.reason AS reason, seen.identity AS identity, seen.items AS items, seen.facility AS facility,
            seen.tags AS tags, seen.measures AS measures, seen.span_id AS span_id, seen.version AS version
        FROM near AS seen
        LEFT ANY JOIN mapping ON seen.token = mapping.token
    ),
    {{items}}
    lines AS
    (
        SELECT
            *,
            indexOf({steps:Array(String)}, splitByChar('|', step)[1]) AS place,
            multiIf(
                {measure:String} = 'count', 1000000,
                abs(measures[{measure:String}]) < 1e15, toInt128(round(measures[{measure:String}] * 1000000)),
                0) AS value,
            {measure:String} = 'count' OR mapContains(measures, {measure:String}) AS measured,
            arrayMap(name -> tags[name], {by:Array(String)}) AS own,
            tags[{currency:String}] AS own_currency
        FROM ({{lines}})
        WHERE place > 0 AND has({outcomes:Array(Array(String))}[place], outcome)
    )
SELECT version, journey, item, place, identity, first_at, said.1, said.2, said.3, said.4, said.5, said.6
FROM
(
    SELECT
        version, journey, item, place, identity,
        min(at) AS first_at,
        argMin((span_id, facility, value, measured, own, own_currency), (at, span_id)) AS said
    FROM lines
    GROUP BY version, journey, item, place, identity
)
