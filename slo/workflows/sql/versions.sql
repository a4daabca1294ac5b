-- Every version of one workflow, newest first.
SELECT version, yaml, active FROM workflow_definitions FINAL WHERE name = {name:String} ORDER BY version DESC
