-- Each interface of the last five weeks: when it was last seen, the taps that carried it then, and how many
-- messages came in the same stretch (from last_seen to now) of up to four earlier weeks, on average.
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
    quiet AS
    (
        SELECT interface, last
        FROM seen
        WHERE last <= {now:DateTime64(3, 'UTC')} - toIntervalSecond({silent_s:UInt32})
    ),
    history AS
    (
        SELECT
            interface,
            least(4, intDiv(dateDiff('second', min(minute), any(quiet.last)), 604800)) AS weeks,
            uniqMergeIf(
                spans,
                arrayExists(
                    week -> minute >= quiet.last - toIntervalWeek(week)
                        AND minute < least({now:DateTime64(3, 'UTC')}, quiet.last + INTERVAL 1 WEEK)
                            - toIntervalWeek(week),
                    [1, 2, 3, 4])) AS messages
        FROM interface_minute
        INNER JOIN quiet USING (interface)
        WHERE minute > {now:DateTime64(3, 'UTC')} - INTERVAL 70 DAY
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
ORDER BY interface;
