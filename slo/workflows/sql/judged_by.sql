-- What instances are judged by: every version of every workflow, as its author wrote it; the newest row of each counts.
SELECT (name, version, yaml, active, updated_at) FROM workflow_definitions
