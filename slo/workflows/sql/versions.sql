-- Every version of one workflow, or of all for '', newest first.
SELECT name, version, yaml, active, valid_from, compiled, activated_at
FROM workflow_definitions FINAL
WHERE {name:String} IN ('', name)
ORDER BY name, version DESC
