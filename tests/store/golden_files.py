"""Writes the golden files of the schema anew: `python -m tests.store.golden_files`."""

from __future__ import annotations

from tests.store.test_migrations import GOLDEN, OWN
from tracing.store import migrate as schema


def main() -> None:
    for engine, cluster in (("single", None), ("cluster", "hospital")):
        folder = GOLDEN / engine
        folder.mkdir(parents=True, exist_ok=True)
        for migration in OWN:
            text = schema.rendered(cluster, [migration])
            (folder / migration.file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
