"""The schema: rendered per engine, applied once, guarded against change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracing.store import MigrationError, Store, StoreRefused, open_store
from tracing.store import migrate as schema
from tracing.store.migrate import Migration
from tracing.store.statements import render, split_statements

GOLDEN = Path(__file__).parent / "golden"
# The store's own files; those of other packages have their golden files beside their tests.
OWN = [migration for migration in schema.shipped() if migration.file < "0010"]
both = pytest.mark.parametrize("store", ["embedded", "server"], indirect=True)


@pytest.mark.parametrize(("engine", "cluster"), [("single", None), ("cluster", "hospital")])
@pytest.mark.parametrize("migration", OWN, ids=lambda migration: migration.file[:-4])
def test_rendered_sql_equals_its_golden_file(migration: Migration, engine: str, cluster: str | None) -> None:
    """After a wanted change: `python -m tests.store.golden_files` writes the files anew; read the diff."""
    golden = GOLDEN / engine / migration.file
    assert schema.rendered(cluster, [migration]) == golden.read_text(encoding="utf-8")


def test_no_mark_is_left_and_every_table_is_replicated_and_distributed_in_a_cluster() -> None:
    for migration in schema.shipped():
        text = render(migration.text, "hospital")
        assert "${" not in text, migration.file
        for statement in split_statements(text):
            body = "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
            if body.startswith("CREATE TABLE") and "ENGINE = Null" not in body:
                assert "ENGINE = Replicated" in body or "ENGINE = Distributed" in body, migration.file
            if body.startswith(("CREATE", "ALTER")):
                assert "ON CLUSTER 'hospital'" in body, migration.file


def test_numbers_are_unique_and_files_run_in_their_order() -> None:
    numbers = [migration.file[:4] for migration in schema.shipped()]
    assert numbers == sorted(set(numbers))


def test_statements_are_cut_only_at_semicolons_of_sql() -> None:
    text = """-- one; not a statement
    SELECT ';' AS a, "b;c", `d;e`, 'it''s; \\'; fine'; /* two; */ SELECT 2 -- end;
    ; -- nothing follows;
    """
    assert [" ".join(statement.split()) for statement in split_statements(text)] == [
        "-- one; not a statement SELECT ';' AS a, \"b;c\", `d;e`, 'it''s; \\'; fine'",
        "/* two; */ SELECT 2 -- end;",
    ]


def test_an_unknown_mark_is_an_error() -> None:
    with pytest.raises(StoreRefused, match=r"\$\{tabel\}"):
        render("CREATE TABLE ${tabel:x}", None)


@both
def test_migrating_again_does_nothing(store: Store) -> None:
    assert store.migrate() == []
    assert store.check() == []


@both
def test_a_changed_file_is_refused_by_name(store: Store) -> None:
    first, *others = schema.shipped()
    changed = [Migration(first.file, first.text + "\n-- changed"), *others]
    with pytest.raises(MigrationError, match=r"0001_spans\.sql has changed"):
        schema.migrate(store, None, changed)


@both
def test_a_database_of_a_newer_version_is_refused(store: Store) -> None:
    with pytest.raises(MigrationError, match="newer version"):
        schema.migrate(store, None, schema.shipped()[:-1])


@both
def test_a_failing_statement_is_named_and_the_file_is_tried_again_after_a_repair(store: Store) -> None:
    shipped = schema.shipped()
    broken = Migration(
        "9001_broken.sql", "CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = Memory; SELECT nope"
    )
    with pytest.raises(MigrationError, match=r"9001_broken\.sql, statement 2: .*nope"):
        schema.migrate(store, None, [*shipped, broken])
    mended = Migration(broken.file, broken.text.replace("nope", "1"))
    assert schema.migrate(store, None, [*shipped, mended]) == [broken.file]


@both
def test_check_names_what_is_missing_or_different(store: Store) -> None:
    store.command("ALTER TABLE spans DROP COLUMN flags")
    store.command("ALTER TABLE keys MODIFY COLUMN sealed String")
    store.command("DROP VIEW journeys_members")
    found = store.check()
    assert "spans.flags is missing" in found
    assert "journeys_members is missing" in found
    assert any(sentence.startswith("keys.sealed has type String, shipped is") for sentence in found)


@pytest.mark.parametrize("store_url", ["embedded", "server"], indirect=True)
def test_a_database_that_was_never_migrated_says_so(store_url: str) -> None:
    with open_store(store_url) as store:
        [sentence] = store.check()
        assert "never been migrated" in sentence


@pytest.mark.parametrize("store", ["server"], indirect=True)
def test_a_migration_waits_for_the_lock_and_takes_one_that_was_left_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.command("CREATE TABLE schema_lock (owner String) ENGINE = Memory")
    monkeypatch.setattr(schema, "_LOCK_STALE_S", -10)
    assert store.migrate() == []
    assert store.query("SELECT count() FROM system.tables WHERE name = 'schema_lock'").rows == [(0,)]


def test_ddl_is_what_migrate_runs(store: Store) -> None:
    ddl = store.ddl()
    assert [line for line in ddl.splitlines() if line.startswith("-- 0")] == [
        f"-- {migration.file}" for migration in schema.shipped()
    ]
    assert "CREATE TABLE IF NOT EXISTS spans\n" in ddl


def test_tables_made_anew_keep_what_was_in_them_wherever_that_was_cut_off(store_url: str) -> None:
    every = schema.shipped()
    (anew,) = [migration for migration in every if migration.file == "0058_fine_granules.sql"]
    statements = list(split_statements(render(anew.text, None)))
    with open_store(store_url) as store:
        store.command(f"CREATE DATABASE {store.database}", outside=True)
        schema.migrate(store, None, [migration for migration in every if migration.file < anew.file])
        key = ("token", ["visit"], ["NSH"], ["a1"], ["sealed"], "2026-11-22 08:00:00")
        columns = "trace_id, key_kinds, key_authorities, key_tokens, key_seals, start, span_id"
        store.command(f"INSERT INTO spans_in ({columns}) VALUES {(*key, 's1')}, {(*key, 's2')}")
        store.command("INSERT INTO journeys (token, kind, journey, version) VALUES ('a1', 'visit', 'j', 1)")
        before = _rows(store)
        assert [len(rows) for rows in before] == [2, 1, 1, 1]
        for last, statement in enumerate(statements):
            if "CREATE" not in statement:
                for cut in statements[: last + 1]:
                    store.command(cut)
                schema.migrate(store, None, [migration for migration in every if migration.file <= anew.file])
                assert _rows(store) == before, statement
                store.command("DELETE FROM schema_migrations WHERE file = '0058_fine_granules.sql'")
        schema.migrate(store, None)
        store.command("INSERT INTO keys (token, kind, authority) VALUES ('a2', 'visit', 'EAST')")
        assert len(_rows(store)[3]) == 2, "the view of authorities is attached to the new table"


def test_links_stay_what_they_were_when_the_table_behind_them_goes(store_url: str) -> None:
    every = schema.shipped()
    columns = "trace_id, interface, key_kinds, key_authorities, key_tokens, key_seals, start, span_id"
    keys = ["visit", "account", "mrn"], ["NSH"] * 3, ["a1", "b2", "c3"], [""] * 3
    sent = f"INSERT INTO spans_in ({columns}) VALUES {('token', 'adt', *keys, '2026-11-22 08:00:00', 's1')}"
    with open_store(store_url) as store:
        store.command(f"CREATE DATABASE {store.database}", outside=True)
        before = [migration for migration in every if migration.file < "0060"]
        schema.migrate(store, None, before)
        store.command(sent)
        facts = "SELECT id, fact, min(first), max(last) FROM key_facts GROUP BY id, fact ORDER BY fact"
        old = store.query(facts).rows
        assert sum(fact.startswith("l,") for _, fact, _, _ in old) == 2
        schema.migrate(store, None)
        assert store.query(facts).rows == old
        store.command("TRUNCATE TABLE key_facts")
        store.command(sent)
        assert store.query(facts).rows == old
        assert ("key_links",) not in store.query("SHOW TABLES").rows


def _rows(store: Store) -> list[list[tuple[object, ...]]]:
    return [
        store.query(f"SELECT * FROM {table} FINAL ORDER BY ALL").rows
        for table in ("spans", "keys", "journey_members", "key_authorities")
    ]
