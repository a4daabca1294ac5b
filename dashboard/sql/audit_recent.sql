-- The newest looks at patient-level things. Reads audit. Parameters: limit.
SELECT at, who, role, action, journey, why, where_from
FROM audit FINAL
ORDER BY at DESC
LIMIT {limit:UInt32}
