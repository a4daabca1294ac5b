-- Each interface of the last five weeks: when it was last seen, the taps that carried it then, and how many
-- messages came in the same stretch (from last_seen to now) of up to four earlier weeks it was known in, on average.
-- Read by slo.alerts.observe. Only interfaces quiet for {silent_s} are compared, the others read nothing; a
-- stretch longer than a week is cut to one, so that it never compares silence with itself.
WITH
    seen AS
    (
        SELECT
            interface,
            max(tap_last) AS last,
            arraySort(groupArrayIf(tap, tap_last >= newest - INTERVAL 1 HOUR)) AS taps
        FROM
        (
            SELECT interface, tap, max(last_seen) AS tap_last, max(tap_last) OVER (PARTITION BY interface) AS newest
            FROM tap_interfaces
            GROUP BY interface, tap
        )
        GROUP BY interface
        HAVING last > {now:DateTime64(3, 'UTC')} - INTERVAL 35 DAY
    ),
    late AS
    (
        SELECT interface, last
        FROM seen
        WHERE last <= {now:DateTime64(3, 'UTC')} - toIntervalSecond({silent_s:UInt32})
    ),
    quiet AS
    (
        SELECT interface, last, least(4, intDiv(dateDiff('second', first, last), 604800)) AS weeks
        FROM late
        INNER JOIN
        (
            SELECT interface, min(minute) AS first
            FROM interface_minute
            WHERE minute > {now:DateTime64(3, 'UTC')} - INTERVAL 70 DAY
                AND interface IN (SELECT interface FROM late)
            GROUP BY interface
        ) AS known USING (interface)
    ),
    history AS
    (
        SELECT interface, any(quiet.weeks) AS weeks, uniqMerge(spans) AS messages
        FROM interface_minute
        INNER JOIN quiet USING (interface)
        WHERE minute > {now:DateTime64(3, 'UTC')} - INTERVAL 70 DAY
            AND interface IN (SELECT interface FROM late)
            AND arrayExists(
                week -> minute >= quiet.last - toIntervalWeek(week)
                    AND minute < least({now:DateTime64(3, 'UTC')}, quiet.last + INTERVAL 1 WEEK) - toIntervalWeek(week),
                range(1, quiet.weeks + 1))
        GROUP BY interface
    )
SELECT
    seen.interface AS interface,
    seen.last AS last_seen,
    seen.taps AS taps,
    history.weeks AS weeks,
    if(history.weeks > 0, history.messages / history.weeks, 0) AS expected
FROM seen
LEFT JOIN history USING (interface)
ORDER BY interface
