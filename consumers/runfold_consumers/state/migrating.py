"""Migrations of the database: applied in the order of their names, each once, recorded with its checksum.

Any number of processes may call `migrate` at the same time: an advisory lock lets one work and the others wait. All
that is outstanding is applied in one transaction, so a half-migrated database is never left behind.
"""

from __future__ import annotations

import hashlib
from importlib import resources

import psycopg

_LOCK = 0x72756E66  # "runf": the advisory lock of everything that changes the schema
_TABLE = """
CREATE SCHEMA IF NOT EXISTS control;
CREATE TABLE IF NOT EXISTS control.migrations (
    name        text PRIMARY KEY,
    checksum    text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(RuntimeError):
    """The database and this code's migrations disagree; `name` is the migration, the message says what to do."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"migration {name}: {message}")
        self.name = name


def migrations() -> list[tuple[str, str]]:
    """(name, SQL) of every migration of this code, in the order in which they are applied."""
    folder = resources.files(__package__) / "migrations"
    return sorted(
        (entry.name[:-4], entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql")
    )


def migrate(conninfo: str) -> None:
    """Bring the database to this code's schema; does nothing when it is there already.

    conninfo: libpq connection string or URL of a role that may create schemas.
    Raises MigrationError when an applied migration is unknown here (the database is newer than this code) or was
    changed after it had been applied; psycopg.Error when the database is away or refuses.
    """
    with psycopg.connect(conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(_TABLE)
        applied: dict[str, str] = dict(connection.execute("SELECT name, checksum FROM control.migrations").fetchall())
        known = {name: (sql, hashlib.sha256(sql.encode()).hexdigest()) for name, sql in migrations()}
        for name, checksum in applied.items():
            if name not in known:
                raise MigrationError(
                    name, "was applied by a newer release; run that release, or restore a backup from before it"
                )
            if known[name][1] != checksum:
                raise MigrationError(
                    name, "was changed after it had been applied; released migrations must stay as they are"
                )
        for name, (sql, checksum) in known.items():
            if name not in applied:
                connection.execute(sql.encode())
                connection.execute("INSERT INTO control.migrations (name, checksum) VALUES (%s, %s)", [name, checksum])
