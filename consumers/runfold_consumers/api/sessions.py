"""Sessions of people at the page: a cookie with 256 random bits, kept here as SHA-256 (`control.sessions`).

A new secret is drawn at each sign-in and the one that came with the request is ended, so nobody can plant one. The
CSRF value is derived from the secret: what holds the cookie's text can say it, a page elsewhere cannot.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from runfold_consumers.api import audit
from runfold_consumers.api.access import hashed
from runfold_consumers.api.audit import Actor, Connection
from runfold_consumers.api.database import Row, statement

COOKIE = "runfold_session"
CSRF_HEADER = "Runfold-CSRF"


class Lifetime(NamedTuple):
    """How long sessions last."""

    whole: timedelta
    idle: timedelta


class Begun(NamedTuple):
    """A session that begins."""

    session_id: str
    secret: str
    """For the cookie; seen here alone."""


def cookie_name(secure: bool, name: str = COOKIE) -> str:
    """Under TLS with the prefix that binds it to this host, path / and TLS."""
    return f"__Host-{name}" if secure else name


def csrf_of(secret: str) -> str:
    """What a request that changes something must say in the header Runfold-CSRF."""
    return hmac.new(secret.encode("utf-8", "surrogateescape"), b"runfold-csrf", hashlib.sha256).hexdigest()


def begin_by_access_token(connection: Connection, row: Row, address: str | None, lifetime: Lifetime) -> Begun:
    """A session behind which an access token stands; it ends with it.

    Args:
        connection: in whose transaction it begins.
        row: of the access token: its id, principal, expires_at.
        address: from where.
        lifetime: how long it lasts.
    """
    return _begin(connection, row["principal"], address, lifetime, access_token_id=row["access_token_id"])


def begin_by_sign_on(
    connection: Connection,
    principal: str,
    subject: str,
    email: str | None,
    groups: Sequence[str],
    address: str | None,
    lifetime: Lifetime,
) -> Begun:
    """A session of somebody who signed on by the provider.

    Args:
        connection: in whose transaction it begins.
        principal: as audits and events shall name them.
        subject: of the provider.
        email: verified, or None.
        groups: of the provider, at this time.
        address: from where.
        lifetime: how long it lasts.
    """
    return _begin(connection, principal, address, lifetime, subject=subject, email=email, groups=list(groups))


def end(connection: Connection, by: Actor, session_id: str) -> bool:
    """Ends a session for good; False where it is unknown or has ended."""
    found: Row | None = connection.execute(
        "UPDATE control.sessions SET ended_at = now() WHERE session_id = %s AND ended_at IS NULL RETURNING principal",
        [session_id],
    ).fetchone()
    if found is None:
        return False
    audit.note(connection, by, "session.ended", session_id, principal=found["principal"])
    return True


def end_by_secret(connection: Connection, secret: str) -> None:
    """Ends the session of a cookie that is replaced, if it is one."""
    connection.execute(
        "UPDATE control.sessions SET ended_at = now() WHERE hash = %s AND ended_at IS NULL", [hashed(secret)]
    )


def listed(connection: Connection, idle: timedelta) -> list[Row]:
    """Sessions in force, latest first, 1,000 at most."""
    return connection.execute(statement("sessions"), {"idle": idle}).fetchall()


def _begin(connection: Connection, principal: str, address: str | None, lifetime: Lifetime, **fields: Any) -> Begun:
    begun = Begun(str(uuid.uuid4()), secrets.token_urlsafe(32))
    told = {"access_token_id": None, "subject": None, "email": None, "groups": [], **fields}
    connection.execute(
        statement("session_begin"),
        {
            **told,
            "session_id": begun.session_id,
            "hash": hashed(begun.secret),
            "principal": principal,
            "whole": lifetime.whole,
        },
    )
    actor = Actor(principal, f"session {begun.session_id}", address)
    audit.note(
        connection,
        actor,
        "session.begun",
        begun.session_id,
        **{k: v for k, v in told.items() if v},
    )
    return begun
