"""Drops what was folded, so that the projectors fold the log again.

Projectors may run meanwhile. They lock position rows before they fold; the table lock taken here waits for those that
are at it and holds back the others. When it is released their positions are gone: they find offset 0 where they
expected more, drop their caches and seek to the beginning. Readers are not held up and never see a half-dropped ledger:
rows are deleted, not truncated, so an open snapshot keeps its own.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from runfold_consumers.state.checksum import KEYS, LOGICAL

TABLES = ("positions", *KEYS, *LOGICAL, "chunks")
NOTIFY_CHANNEL = "runfold_state"


def rebuild(conninfo: str, workspace: str | None = None) -> int:
    """Empties schema `state` and gives the number of rows that went, positions included.

    conninfo: libpq connection string or URL of a role that owns the schema.
    workspace: only this one; None for all.

    Published decisions and dead letters (schema `observed`) stay: publishing goes on from its own cursor, and what was
    set aside is decided anew when its offset is folded. Returns before anything is folded again: watch the lag.
    """
    where = sql.SQL("") if workspace is None else sql.SQL(" WHERE workspace = {}").format(sql.Literal(workspace))
    gone = 0
    with psycopg.connect(conninfo) as connection:
        workspaces = [workspace]
        if workspace is None:
            workspaces = [found for (found,) in connection.execute("SELECT DISTINCT workspace FROM state.positions")]
        connection.execute("LOCK TABLE state.positions IN EXCLUSIVE MODE")
        for table in TABLES:
            gone += connection.execute(
                sql.SQL("DELETE FROM {}").format(sql.Identifier("state", table)) + where
            ).rowcount
        for touched in workspaces:
            connection.execute("SELECT pg_notify(%s, %s)", [NOTIFY_CHANNEL, touched])
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier("state", table)))
    return gone
