"""Databases to measure on: on the server of RUNFOLD_POSTGRES, for the time of a block."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import make_conninfo

from runfold_consumers.state import store


@contextmanager
def empty(admin: str | None = None) -> Iterator[str]:
    """Conninfo of a database without tables, dropped at the end.

    Args:
        admin: conninfo of a role that may create databases; None for RUNFOLD_POSTGRES.
    """
    server = os.environ["RUNFOLD_POSTGRES"] if admin is None else admin
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield make_conninfo(server, dbname=name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def migrated(admin: str | None = None) -> Iterator[str]:
    """Conninfo of a database with all tables, dropped at the end; `admin` as for `empty`."""
    with empty(admin) as conninfo:
        store.migrate(conninfo)
        yield conninfo
