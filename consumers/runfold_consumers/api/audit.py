"""The audit: a row for every administrative act, in the act's own transaction; and where it is switched on for reads.

Rows are added, never changed. Actions: `access-token.created`, `access-token.revoked`, `role.set`, `role.removed`,
`session.begun`, `session.ended`, `sql-role.made`; of other routes that need the scope admin their method and path;
`read`, with method, status and query in its detail; `reads.lost`, where more came than could be written.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Json

from runfold_consumers.api.database import statement

Connection = psycopg.Connection[Any]
TEXT_MAX = 1024
"""Characters of a subject that are kept."""


class Actor(NamedTuple):
    """Who does something."""

    name: str
    via: str
    """By what right: `access-token <id>`, `session <id>`, `command`."""
    address: str | None = None
    """Network address, as the server sees it."""


class Entry(NamedTuple):
    """A row to be."""

    at: datetime | None
    """None: now."""
    actor: Actor
    action: str
    subject: str | None
    workspace: str | None
    detail: dict[str, Any]


def note(
    connection: Connection,
    actor: Actor,
    action: str,
    subject: str | None = None,
    workspace: str | None = None,
    /,
    **detail: Any,
) -> None:
    """Adds a row in the connection's transaction: the act and its row are there together, or neither is.

    Args:
        connection: in the transaction of the act.
        actor: who does it.
        action: what is done, see the module.
        subject: to what.
        workspace: where; None outside of any, `*` in all.
        detail: what else should be known; never a secret.
    """
    write(connection, [Entry(None, actor, action, subject, workspace, detail)])


def write(connection: Connection, entries: Iterable[Entry]) -> None:
    """Adds rows, in one statement."""
    rows = [
        (e.at, e.actor.name, e.action, _cut(e.subject), Json(e.detail), _cut(e.workspace), e.actor.address, e.actor.via)
        for e in entries
    ]
    if rows:
        names = ("at", "principals", "actions", "subjects", "details", "workspaces", "addresses", "vias")
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(statement("audit_write"), dict(zip(names, columns, strict=True)))


def _cut(text: str | None) -> str | None:
    """As Postgres takes it: no NUL, no lone surrogate, not too long."""
    return None if text is None else text[:TEXT_MAX].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def opened(conninfo: str) -> Connection:
    """A connection for administrative acts; its `with` commits what was done, or nothing of it.

    Raises:
        psycopg.OperationalError: Postgres is away.
    """
    options = "-c statement_timeout=15s -c lock_timeout=10s -c idle_in_transaction_session_timeout=20s -c TimeZone=UTC"
    return psycopg.connect(
        conninfo, row_factory=dict_row, connect_timeout=3, options=options, application_name="runfold-administration"
    )
