-- Every version of a workflow, the newest first.
SELECT name, version, active, valid_from, activated_at, yaml
FROM workflow_definitions FINAL
WHERE name = {name:String}
ORDER BY version DESC
