"""The objectives in force, kept in the store so that every role judges by the same targets.

Called by the core at start and by whoever asks for statuses or targets.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from slo.objectives import files
from slo.objectives.model import Objective
from tracing.store import Store, load_sql

_COLUMNS = ("name", "yaml", "active", "updated_at")


def activate(store: Store, names_or_paths: Iterable[str | Path], now: datetime) -> list[Objective]:
    """Put exactly these objectives in force: shipped names or paths of OpenSLO files.

    One that was in force and is not named any more is put out of force; nothing is written when nothing
    changed. Raises `tracing.documents.DocumentError`, with nothing changed, when any document is wrong.
    """
    wanted: dict[str, str] = {}
    objectives = []
    for name_or_path in names_or_paths:
        text, source = files.text_of(name_or_path)
        for objective in files.read(text, source):
            wanted[objective.name] = text
            objectives.append(objective)
    before = _texts(store)
    rows = [(name, text, 1, now) for name, text in wanted.items() if before.get(name) != text]
    rows += [(name, text, 0, now) for name, text in before.items() if name not in wanted]
    store.insert("objective_definitions", _COLUMNS, rows)
    return objectives


def active(store: Store) -> list[Objective]:
    """The objectives in force, by name."""
    found = []
    for name, text in _texts(store).items():
        found += [objective for objective in files.read(text, name) if objective.name == name]
    return found


def _texts(store: Store) -> dict[str, str]:
    return dict(store.query(load_sql("slo.objectives", "sql/definitions.sql")).rows)
