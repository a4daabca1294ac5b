"""Reconciliation: what each step of a workflow counted, compared, and who makes the difference.

`model` is part of the workflow document; `report` asks the store; `reference` says the same in plain Python.
This package must import nothing by itself: the workflow document is made of `model`.
"""
