-- The newest word of the tap that carries each interface, of the last day.
SELECT
    interface,
    argMax(tap, at) AS last_tap,
    max(at) AS told,
    argMax(seen, at) AS last_seen,
    argMax(unseen, at) AS last_unseen,
    argMax(waiting_bytes, at) AS last_waiting,
    argMax(dropped, at) AS last_dropped,
    argMax(refused, at) AS last_refused
FROM tap_status
WHERE at > {now:DateTime64(3, 'UTC')} - INTERVAL 1 DAY
GROUP BY interface
ORDER BY interface
