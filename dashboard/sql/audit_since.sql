-- Looks at patient-level things from a moment on, oldest first; of that very moment those behind {after}.
SELECT toString(id) AS event, at, who, role, action, journey, why, where_from
FROM audit FINAL
WHERE at >= {since:DateTime64(3, 'UTC')} AND (at > {since:DateTime64(3, 'UTC')} OR event > {after:String})
ORDER BY at, event
LIMIT {limit:UInt32}
