-- What a row of instances is asked for by, as slo.workflows.compile.asked_for writes it. An expression.
concat(workflow, '/', toString(version), '/', journey)
