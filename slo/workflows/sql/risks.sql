-- Seconds after which a step is at risk, per workflow version and step.
SELECT workflow, version, risk_after FROM step_risk FINAL
