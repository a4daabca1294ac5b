-- What the versions in force depend on: as long as this stays, so do they.
SELECT name, version, active, valid_from FROM workflow_definitions FINAL ORDER BY name, version
