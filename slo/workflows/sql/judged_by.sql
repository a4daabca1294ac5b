-- What instances are judged by: every version of every workflow, as its author wrote it.
SELECT name, version, yaml, active FROM workflow_definitions
ORDER BY name, version DESC, updated_at DESC
LIMIT 1 BY name, version
