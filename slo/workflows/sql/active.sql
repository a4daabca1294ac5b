-- The active version of every workflow.
SELECT name, version, yaml FROM workflow_definitions FINAL WHERE active = 1 ORDER BY name
