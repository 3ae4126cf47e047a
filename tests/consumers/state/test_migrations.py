"""The database comes to the same schema by migrations as by `schema.sql`, once, whoever else migrates at the time."""

from __future__ import annotations

import threading
from importlib import resources
from typing import Any

import psycopg
import pytest

from runfold_consumers.state import store
from runfold_consumers.state.migrating import MigrationError, migrations

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
FROM pg_views WHERE schemaname IN ('state', 'observed', 'control')
UNION ALL
SELECT 'storage', n.nspname, r.relname, a.attname, a.attstorage::text, r.reloptions::text, NULL, NULL, NULL, NULL
FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE n.nspname IN ('state', 'observed', 'control') AND a.attnum > 0 AND r.relkind = 'r'
"""


def catalogue(conninfo: str) -> set[tuple[Any, ...]]:
    with psycopg.connect(conninfo) as connection:
        return {row for row in connection.execute(CATALOGUE) if "migrations" not in str(row[2:4])}


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
