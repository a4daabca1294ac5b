-- What taps told of their clocks since a moment (by their own clocks, hence a day of slack on either side).
SELECT DISTINCT interface, tap, at, clock_ahead_ms, clock_within_ms, clock_samples
FROM tap_status
WHERE clock_samples > 0 AND at > {since:DateTime64(3, 'UTC')} - INTERVAL 1 DAY
    AND subtractMilliseconds(at, clock_ahead_ms) > {since:DateTime64(3, 'UTC')}
