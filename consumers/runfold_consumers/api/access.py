"""Access tokens: secrets that let a principal in, kept only as SHA-256 in `control.access_tokens`.

`rft_` and 256 random bits: nothing to guess, so one hash without salt is enough, and its index finds the row. What
gives or takes access stands here as plain functions, which the routes and the command share: each is one transaction,
the row of the audit in it. Looking them up is `admission`'s.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from runfold_consumers.api import audit, principals
from runfold_consumers.api.audit import Actor, Connection
from runfold_consumers.api.database import Row, statement
from runfold_consumers.api.principals import SCOPES as SCOPES

COMMAND = Actor("command line", "command")
"""Who stands at the database itself."""
NAME_MAX = 256
_PREFIX = "rft_"
_ADMINS_LOCK = 0x72664164  # "rfAd": whoever may take away the last administrator waits for the others who do


class LastAdminError(ValueError):
    """Nobody could administer all workspaces any more; said so (`even_last_admin`), it is done."""


def create_access_token(
    conninfo: str,
    *,
    principal: str,
    workspaces: Sequence[str],
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> str:
    """Makes an access token, keeps its hash, and returns it: the only time it is seen.

    Args:
        conninfo: where `control.access_tokens` is.
        principal: who it is for, as audits shall name them.
        workspaces: names of workspaces, or `*` for all.
        scopes: of read, write, admin; none implies another.
        expires_at: from when on it is refused, with time zone; None for never.

    Raises:
        ValueError: a principal, workspace or scope that is not allowed.
    """
    with audit.opened(conninfo) as connection:
        return create(connection, COMMAND, principal, workspaces, scopes, expires_at)[1]


def revoke_access_token(conninfo: str, access_token: str) -> bool:
    """Ends an access token for good, the last administrator's too; False when it is unknown or ended before."""
    with audit.opened(conninfo) as connection:
        found = connection.execute(
            "SELECT access_token_id FROM control.access_tokens WHERE hash = %s", [hashed(access_token)]
        ).fetchone()
        return found is not None and revoke(connection, COMMAND, found["access_token_id"], even_last_admin=True)


def create(
    connection: Connection,
    by: Actor,
    principal: str,
    workspaces: Sequence[str],
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> tuple[Row, str]:
    """Makes an access token: its row, as `listed` shows it, and the secret itself.

    Raises:
        ValueError: a principal, workspace or scope that is not allowed.
    """
    if not principal or not workspaces or isinstance(workspaces, str) or isinstance(scopes, str):
        raise ValueError("an access token needs a principal, a list of workspaces ('*' for all) and a list of scopes")
    if len(principal) > NAME_MAX or "\0" in principal:
        raise ValueError(f"a principal has at most {NAME_MAX} characters and no NUL")
    reached = sorted({principals.checked_workspace(workspace) for workspace in workspaces})
    held = principals.checked_scopes(scopes)
    if expires_at is not None and expires_at.tzinfo is None:
        raise ValueError(f"expires_at {expires_at!r} needs a time zone")
    secret = _PREFIX + secrets.token_urlsafe(32)
    row: Any = connection.execute(
        statement("access_token_create"),
        {
            "access_token_id": str(uuid.uuid4()),
            "hash": hashed(secret),
            "principal": principal,
            "workspaces": reached,
            "scopes": held,
            "expires_at": expires_at,
            "created_by": by.name,
        },
    ).fetchone()
    detail = {"principal": principal, "scopes": held, "expires_at": expires_at.isoformat() if expires_at else None}
    for workspace in reached:
        audit.note(connection, by, "access-token.created", row["access_token_id"], workspace, **detail)
    return row, secret


def listed(
    connection: Connection,
    *,
    workspaces: Sequence[str] | None = None,
    ended: bool = False,
    after: tuple[datetime, str] | None = None,
    limit: int = 1000,
) -> list[Row]:
    """Access tokens without what is secret, oldest first.

    Args:
        connection: to the database.
        workspaces: only those that reach one of these, or all; None for all of them.
        ended: revoked and expired ones too.
        after: created_at and id of the last one that is known.
        limit: how many at most.
    """
    at, last = after or (None, None)
    return connection.execute(
        statement("access_tokens"),
        {"workspaces": workspaces, "ended": ended, "after_time": at, "after_id": last, "limit": limit},
    ).fetchall()


def one(connection: Connection, access_token_id: str) -> Row | None:
    """An access token by its id, as `listed` shows it."""
    found: Row | None = connection.execute(
        "SELECT access_token_id, principal, workspaces, scopes, revoked_at FROM control.access_tokens"
        " WHERE access_token_id = %s",
        [access_token_id],
    ).fetchone()
    return found


def revoke(
    connection: Connection, by: Actor, access_token_id: str, *, even_last_admin: bool = False, sign_on: bool = False
) -> bool:
    """Ends an access token for good, and the sessions behind which it stands; False where it is unknown or ended.

    Args:
        connection: to the database.
        by: who does it.
        access_token_id: which one.
        even_last_admin: although nobody is left then who may administer all workspaces.
        sign_on: people can sign on by a provider, so their roles count as administrators.

    Raises:
        LastAdminError: nobody would be left, and `even_last_admin` was not said.
    """
    found: Row | None = connection.execute(
        "UPDATE control.access_tokens SET revoked_at = now(), revoked_by = %s"
        " WHERE access_token_id = %s AND revoked_at IS NULL RETURNING principal, workspaces, scopes",
        [by.name, access_token_id],
    ).fetchone()
    if found is None:
        return False
    if principals.EVERYWHERE in found["workspaces"] and "admin" in found["scopes"]:
        keep_an_admin(connection, even_last_admin=even_last_admin, sign_on=sign_on)
    connection.execute(
        "UPDATE control.sessions SET ended_at = now() WHERE access_token_id = %s AND ended_at IS NULL",
        [access_token_id],
    )
    for workspace in found["workspaces"]:
        audit.note(connection, by, "access-token.revoked", access_token_id, workspace, principal=found["principal"])
    return True


def keep_an_admin(connection: Connection, *, even_last_admin: bool, sign_on: bool) -> None:
    """Called after one was taken away, in the same transaction: somebody must be left who may administer everything.

    Raises:
        LastAdminError: nobody is, and that was not said to be wanted.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_ADMINS_LOCK])
    left: Any = connection.execute(statement("admins"), {"sign_on": sign_on}).fetchone()
    if not left["n"] and not even_last_admin:
        raise LastAdminError(
            "nobody would be left with the scope admin in all workspaces ('*'): make another one first, or say "
            "even_last_admin (--even-last-admin). `runfold access create` on the server's machine makes one again"
        )


def hashed(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def is_over(moment: datetime | None) -> bool:
    """Whether something that expires then has expired; None never does."""
    return moment is not None and moment <= datetime.now(timezone.utc)
