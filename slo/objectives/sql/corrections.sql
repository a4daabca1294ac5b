-- Every correction as it stands, the latest start first. Read by slo.objectives.corrections.
SELECT
    id,
    argMax(corrections.starts, corrections.changed_at) AS starts,
    argMax(corrections.ends, corrections.changed_at) AS ends,
    argMax(corrections.workflow, corrections.changed_at) AS workflow,
    argMax(corrections.facility, corrections.changed_at) AS facility,
    argMax(corrections.category, corrections.changed_at) AS category,
    argMax(corrections.reason, corrections.changed_at) AS reason,
    argMax(corrections.changed_by, corrections.changed_at) AS changed_by,
    max(corrections.changed_at) AS changed_at,
    argMax(corrections.revoked, corrections.changed_at) AS revoked
FROM corrections
GROUP BY id
ORDER BY starts DESC, id
