"""The database comes to the same schema by migrations as by `schema.sql`, once, whoever else migrates at the time."""

from __future__ import annotations

import threading
from hashlib import sha256
from importlib import resources
from typing import Any

import psycopg
import pytest

from runfold_consumers.engine.connecting import connect
from runfold_consumers.state import store
from runfold_consumers.state.checksum import checksum
from runfold_consumers.state.merging import summarise_old
from runfold_consumers.state.migrating import _TABLE, MigrationError, migrations
from runfold_schemas import catalog
from runfold_schemas.codec import fingerprint_of
from tests.model.world import World

from .conftest import cut, fold

CATALOGUE = """
SELECT 'column', table_schema, table_name, column_name, data_type, udt_name, is_nullable, column_default,
       collation_name, ordinal_position::text
FROM information_schema.columns WHERE table_schema IN ('state', 'observed', 'control')
UNION ALL
SELECT 'index', schemaname, tablename, indexname, indexdef, NULL, NULL, NULL, NULL, NULL
FROM pg_indexes WHERE schemaname IN ('state', 'observed', 'control')
UNION ALL
SELECT 'constraint', n.nspname, c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid),
       NULL, NULL, NULL, NULL, NULL
FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname IN ('state', 'observed', 'control')
UNION ALL
SELECT 'view', schemaname, viewname, definition, NULL, NULL, NULL, NULL, NULL, NULL
FROM pg_views WHERE schemaname IN ('state', 'observed', 'control', 'analysis')
UNION ALL
SELECT 'function', n.nspname, p.proname, pg_get_functiondef(p.oid), p.proacl::text, NULL, NULL, NULL, NULL, NULL
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'analysis'
UNION ALL
SELECT 'comment', n.nspname, r.relname, d.objsubid::text, d.description, r.reloptions::text, NULL, NULL, NULL, NULL
FROM pg_description d JOIN pg_class r ON r.oid = d.objoid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE n.nspname = 'analysis'
UNION ALL
SELECT 'storage', n.nspname, r.relname, a.attname, a.attstorage::text, r.reloptions::text, NULL, NULL, NULL, NULL
FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE n.nspname IN ('state', 'observed', 'control') AND a.attnum > 0 AND r.relkind = 'r'
"""


EXISTED = (  # events that the release with 0002 knew
    *("RunStarted", "StatusChanged", "TagSet", "TagRemoved", "RunDescribed", "PropertyAdded", "RunEnrolled"),
    *("ArtifactLogged", "ErrorRecorded", "WriterOpened", "WriterClosed", "LossDeclared", "MetricLogged"),
)


def catalogue(conninfo: str) -> set[tuple[Any, ...]]:
    with psycopg.connect(conninfo) as connection:
        return {row for row in connection.execute(CATALOGUE) if "migrations" not in str(row[2:4])}


def migrate_to_0002(connection: psycopg.Connection[Any]) -> None:
    connection.execute(_TABLE)
    for name, text in migrations()[:2]:
        connection.execute(text.encode())
        known = [name, sha256(text.encode()).hexdigest()]
        connection.execute("INSERT INTO control.migrations (name, checksum) VALUES (%s, %s)", known)


def test_the_sum_of_migrations_is_the_fresh_schema(database: str, empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute((resources.files("runfold_consumers.state") / "schema.sql").read_bytes())
    fresh, migrated = catalogue(empty_database), catalogue(database)
    assert fresh - migrated == set()
    assert migrated - fresh == set()


def test_names_of_migrations_are_numbered_without_a_gap() -> None:
    numbers = [int(name.split("_", 1)[0]) for name, _ in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_any_number_of_processes_may_migrate_at_once(empty_database: str) -> None:
    failures: list[BaseException] = []

    def migrate() -> None:
        try:
            store.migrate(empty_database)
        except BaseException as error:  # noqa: BLE001 - the test tells it
            failures.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT count(*) FROM control.migrations").fetchone() == (len(migrations()),)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE control.migrations SET checksum = 'other'", "was changed after"),
        ("INSERT INTO control.migrations VALUES ('9999_future', 'x')", "newer release"),
    ],
)
def test_a_database_that_does_not_fit_is_refused(database: str, change: str, told: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(change.encode())
    with pytest.raises(MigrationError, match=told):
        store.migrate(database)


def test_a_ledger_of_the_release_before_comes_to_what_folding_it_gives(
    database: str, empty_database: str, busy: World
) -> None:
    """The tables of a database at 0002 with what the fold left of events that existed then, migrated."""
    existed = {catalog.fingerprint(name) for name in EXISTED}
    fold(database, cut([raw for raw in busy.log.all() if fingerprint_of(raw.value) in existed], seed=1))
    with psycopg.connect(empty_database) as old, psycopg.connect(database) as folded:
        migrate_to_0002(old)
        columns = old.execute(
            "SELECT c.table_name, string_agg(quote_ident(column_name), ', ') FROM information_schema.columns c "
            "JOIN information_schema.tables t USING (table_schema, table_name) "
            "WHERE table_schema = 'state' AND table_type = 'BASE TABLE' GROUP BY c.table_name"
        ).fetchall()
        for table, names in columns:
            with (
                folded.cursor().copy(f"COPY state.{table} ({names}) TO STDOUT".encode()) as source,
                old.cursor().copy(f"COPY state.{table} ({names}) FROM STDIN".encode()) as target,
            ):
                for block in source:
                    target.write(block)
    store.migrate(empty_database)
    with connect(empty_database, "test") as connection:  # what the projector does beside its loop
        while summarise_old(connection):
            pass
    assert checksum(empty_database) == checksum(database)
    statuses = "SELECT count(status), count(terminal_status) FROM state.attempts"
    with psycopg.connect(empty_database) as connection:
        assert all(connection.execute(statuses.encode()).fetchone() or ())


def test_a_target_that_no_index_takes_does_not_stop_a_migration(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        migrate_to_0002(connection)
        connection.execute(
            "INSERT INTO state.runs (workspace, run_id, partition, first_offset, attempt, created_at, target) "
            "SELECT 'w', 'r', 0, 0, 0, now(), string_agg(md5(i::text), '') FROM generate_series(1, 500) AS i"
        )
    store.migrate(empty_database)
