"""Roles: what those who sign on by the provider may do, in a workspace or in all (`control.roles`).

A role is held by a subject of the provider, an address that it has verified (in lower case), `group:<name>`, or `*`:
whoever signs on. Changes hold for sessions that are open, within `admission.CACHE_SECONDS_MAX`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runfold_consumers.api import access, audit, principals
from runfold_consumers.api.audit import Actor, Connection
from runfold_consumers.api.database import Row

_SHOWN = "workspace, principal, scopes, changed_at, changed_by"


def listed(connection: Connection, workspace: str) -> list[Row]:
    """All roles in a workspace, those that hold in all workspaces too."""
    return connection.execute(
        f"SELECT {_SHOWN} FROM control.roles WHERE workspace IN (%s, '*') ORDER BY workspace, principal".encode(),
        [workspace],
    ).fetchall()


def one(connection: Connection, workspace: str, principal: str) -> Row | None:
    """The role that somebody holds there by name, or None."""
    found: Row | None = connection.execute(
        f"SELECT {_SHOWN} FROM control.roles WHERE workspace = %s AND principal = %s".encode(),
        [workspace, named(principal)],
    ).fetchone()
    return found


def put(
    connection: Connection,
    by: Actor,
    workspace: str,
    principal: str,
    scopes: Sequence[str],
    *,
    even_last_admin: bool = False,
) -> Row:
    """Gives somebody a role in a workspace (`*`: in all), in place of the one that they held there.

    Raises:
        ValueError: a workspace, principal or scope that is not allowed.
        access.LastAdminError: nobody is left who may administer all workspaces, and that was not said to be wanted.
    """
    held, where, name = principals.checked_scopes(scopes), principals.checked_workspace(workspace), named(principal)
    before = one(connection, where, name)
    row: Any = connection.execute(
        "INSERT INTO control.roles (workspace, principal, scopes, changed_by) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (workspace, principal) DO UPDATE SET scopes = excluded.scopes, changed_at = now(),"
        f" changed_by = excluded.changed_by RETURNING {_SHOWN}".encode(),
        [where, name, held, by.name],
    ).fetchone()
    if before and "admin" in before["scopes"] and "admin" not in held and where == principals.EVERYWHERE:
        access.keep_an_admin(connection, even_last_admin=even_last_admin, sign_on=True)
    audit.note(connection, by, "role.set", name, where, scopes=held, before=list(before["scopes"]) if before else None)
    return dict(row)


def remove(connection: Connection, by: Actor, workspace: str, principal: str, *, even_last_admin: bool = False) -> bool:
    """Takes a role away; False where there is none.

    Raises:
        access.LastAdminError: nobody is left who may administer all workspaces, and that was not said to be wanted.
    """
    gone: Row | None = connection.execute(
        "DELETE FROM control.roles WHERE workspace = %s AND principal = %s RETURNING scopes",
        [workspace, named(principal)],
    ).fetchone()
    if gone is None:
        return False
    if workspace == principals.EVERYWHERE and "admin" in gone["scopes"]:
        access.keep_an_admin(connection, even_last_admin=even_last_admin, sign_on=True)
    audit.note(connection, by, "role.removed", named(principal), workspace, before=list(gone["scopes"]))
    return True


def named(principal: str) -> str:
    """A principal as it is kept: addresses in lower case. Raises ValueError where it is none."""
    if not principal.strip() or len(principal) > access.NAME_MAX or "\0" in principal or principal == "group:":
        raise ValueError(
            f"a role's principal is a subject, an address, `group:<name>` or `*`, of 1 to {access.NAME_MAX} characters"
        )
    return principal.lower() if "@" in principal and not principal.startswith("group:") else principal
