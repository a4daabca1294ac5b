-- Name and version of every active workflow.
SELECT name, version FROM workflow_definitions FINAL WHERE active = 1 ORDER BY name
