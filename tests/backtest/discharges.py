"""A workflow of discharges that no shipped pack can change under the tests."""

TEXT = """\
apiVersion: caretrail/v1
kind: Workflow
metadata: {name: discharge-to-cash, title: Discharge reached billing and ERP, criticality: high}
spec:
  journey: visit
  start: {interface: ehr-adt, message: ADT^A03}
  cancel: {interface: ehr-adt, message: ADT^A13}
  steps:
    - name: engine accepted
      match: {interface: ehr-adt, destination: engine, message: ADT^A03, outcome: accepted}
      within: 1m
    - name: billing ready
      match: {destination: billing, message: DFT^P03, outcome: accepted}
      within: 15m
    - name: ERP posted
      match: {destination: erp, operation: POST /journals, outcome: accepted}
      within: 60m
    - name: claim submitted
      match: {destination: clearinghouse, message: 837}
      within: 3 business days
      when: {patient_class: [I, O]}
  calendar: us-business
"""
