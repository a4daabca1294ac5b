-- Seconds after which a step is at risk, per workflow and step.
SELECT workflow, risk_after FROM step_risk FINAL
