-- Every version of every workflow, the active one first. Reads workflow_definitions.
SELECT name, version, active, activated_at, yaml
FROM workflow_definitions FINAL
ORDER BY name, active DESC, version DESC
