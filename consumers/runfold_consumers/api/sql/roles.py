"""The login role of a workspace's analysts, made on demand and known to the API alone.

Its name is `runfold_sql_<oid of the database>_<digest of the workspace>`: the catalogue tells nobody which workspaces
there are, and roles, which all databases of a server share, are found and dropped when theirs is gone. It inherits
nothing, may use schema `analysis` and read its views. What every role of a database may call by default and nobody
should who only reads (advisory locks, large objects, `set_config`, ...) is taken from PUBLIC in this database and given
to the role that Runfold works as, and to pg_monitor; where that role may not do it, `open_functions` says what is left
open.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

from psycopg import errors, sql

from runfold_consumers.api import audit, principals
from runfold_consumers.api.audit import Actor, Connection
from runfold_consumers.api.database import statement

CONNECTIONS_MAX = 8
_LOCK = 0x72665351  # "rfSQ": one process at a time makes roles
_SETTINGS = {
    "default_transaction_read_only": "on",
    "search_path": "analysis, pg_catalog",
    "statement_timeout": "60s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "60s",
    "max_parallel_workers_per_gather": "0",
    "work_mem": "16MB",
    "jit": "off",
    "TimeZone": "UTC",
}
_SUPERUSER_SETTINGS = {"temp_file_limit": "1GB", "log_statement": "none"}


class Login(NamedTuple):
    """How the role of a workspace logs in."""

    role: str
    password: str


def ensure(conninfo: str, workspace: str, by: Actor) -> Login | None:
    """The role of a workspace, made or mended where it is not as it should be; None where nobody knows the workspace.

    Args:
        conninfo: of the role that Runfold works as, which must be allowed to create roles.
        workspace: whose.
        by: who asks, for the audit.

    Raises:
        psycopg.errors.InsufficientPrivilege: the role of `conninfo` may not create roles.
    """
    principals.checked_workspace(workspace)
    with audit.opened(conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        known: Any = connection.execute(
            "SELECT EXISTS (SELECT FROM state.positions WHERE workspace = %(w)s) AS folded,"
            " (SELECT role_name FROM control.sql_roles WHERE workspace = %(w)s) AS role,"
            " (SELECT password FROM control.sql_roles WHERE workspace = %(w)s) AS password,"
            " current_database() AS database,"
            " (SELECT oid FROM pg_database WHERE datname = current_database()) AS oid",
            {"w": workspace},
        ).fetchone()
        if not known["folded"] and known["role"] is None:
            return None
        digest = hashlib.sha256(f"{known['oid']}/{workspace}".encode()).hexdigest()
        login = Login(f"runfold_sql_{known['oid']}_{digest[:20]}", known["password"] or secrets.token_urlsafe(32))
        is_new = known["role"] != login.role
        if is_new:
            connection.execute(
                "INSERT INTO control.sql_roles (workspace, role_name, password) VALUES (%s, %s, %s)"
                " ON CONFLICT (workspace) DO UPDATE SET role_name = excluded.role_name",
                [workspace, *login],
            )
            audit.note(connection, by, "sql-role.made", login.role, workspace)
            _drop(connection, strays(connection))
        _mend(connection, login, known["database"])
        return login


def forget(conninfo: str, workspace: str) -> bool:
    """Drops the role of a workspace; False where it has none. The next query makes it anew."""
    with audit.opened(conninfo) as connection:
        found: Any = connection.execute(
            "DELETE FROM control.sql_roles WHERE workspace = %s RETURNING role_name", [workspace]
        ).fetchone()
        if found is None:
            return False
        role = sql.Identifier(found["role_name"])
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))
        return True


def strays(connection: Connection) -> list[str]:
    """Roles of analysts on this server whose database is gone."""
    return [row["role"] for row in connection.execute(statement("sql_stray_roles")).fetchall()]


def drop_strays(conninfo: str) -> list[str]:
    """Drops roles whose database is gone, and returns their names. Making a role does so, too."""
    with audit.opened(conninfo) as connection:
        found = strays(connection)
        _drop(connection, found)
        return found


def open_functions(connection: Connection, role: str) -> list[str]:
    """What the role may call of that which nobody should who only reads; empty where all is as it should be."""
    rows = connection.execute(statement("sql_open_functions"), {"role": role, "names": CLOSED}).fetchall()
    return [row["function"] for row in rows]


CLOSED = [
    *("pg_advisory_%", "pg_try_advisory_%", "lo_%", "loread", "lowrite", "set_config", "pg_logical_emit_message"),
    *("pg_notify", "pg_cancel_backend", "pg_terminate_backend", "pg_export_snapshot", "pg_read_%", "pg_ls_%"),
    *("pg_stat_file", "dblink%", "query_to_xml%", "table_to_xml%", "schema_to_xml%", "database_to_xml%"),
    *("cursor_to_xml%", "pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size"),
    *("pg_stat_get_%", "pg_lock_status"),
]
"""Patterns of names of functions that are taken from PUBLIC."""


def _mend(connection: Connection, login: Login, database: str) -> None:
    role = sql.Identifier(login.role)
    exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [login.role]).fetchone()
    if exists is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(role))
    connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT {} PASSWORD {}").format(
            role, sql.Literal(CONNECTIONS_MAX), sql.Literal(_verifier(connection, login))
        )
    )
    for name, value in _SETTINGS.items():
        connection.execute(_setting(role, name, value))
    for name, value in _SUPERUSER_SETTINGS.items():
        _where_allowed(connection, _setting(role, name, value))
    for right in (
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "GRANT USAGE ON SCHEMA analysis TO {role}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA analysis TO {role}",
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA analysis TO {role}",
    ):
        connection.execute(sql.SQL(right).format(role=role, database=sql.Identifier(database)))
    _where_allowed(connection, sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
    for row in connection.execute(statement("sql_open_functions"), {"role": login.role, "names": CLOSED}).fetchall():
        _where_allowed(
            connection,
            sql.SQL("GRANT EXECUTE ON FUNCTION {0} TO CURRENT_USER, pg_monitor").format(sql.SQL(row["function"])),
            sql.SQL("REVOKE EXECUTE ON FUNCTION {0} FROM PUBLIC").format(sql.SQL(row["function"])),
        )


def _verifier(connection: Connection, login: Login) -> str:
    """What the server keeps of the password: the password itself would stand in its log."""
    told = connection.pgconn.encrypt_password(login.password.encode(), login.role.encode(), b"scram-sha-256")
    return told.decode()


def _drop(connection: Connection, names: Iterable[str]) -> None:
    for name in names:
        _where_allowed(connection, sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def _setting(role: sql.Identifier, name: str, value: str) -> sql.Composed:
    value_sql = sql.SQL(value) if name == "search_path" else sql.Literal(value)
    return sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(name), value_sql)


def _where_allowed(connection: Connection, *statements: sql.Composed) -> None:
    """What only a superuser or an owner may do, or somebody else does at this moment."""
    try:
        with connection.transaction():
            for each in statements:
                connection.execute(each)
    except (errors.InsufficientPrivilege, errors.InternalError_):
        return
