"""`caretrail workflow ACTION`: is a workflow right, what does it mean, what would it say, what does it miss?

Each action is a function of a module beside this one, imported only when it is called. Exit codes are theirs.
"""

from __future__ import annotations

import argparse
import importlib

_MODULES = {
    "check": "caretrail.workflow_files",
    "test": "caretrail.workflow_files",
    "explain": "caretrail.workflow_files",
    "diff": "caretrail.workflow_files",
    "schema": "caretrail.workflow_files",
    "backtest": "caretrail.workflow_drafts",
    "activate": "caretrail.workflow_drafts",
    "versions": "caretrail.workflow_drafts",
    "reconcile": "caretrail.workflow_history",
    "discover": "caretrail.workflow_history",
    "conform": "caretrail.workflow_history",
}


def run(options: argparse.Namespace) -> int:
    """Do what the action says; returns its exit code."""
    return int(getattr(importlib.import_module(_MODULES[options.action]), options.action)(options))
