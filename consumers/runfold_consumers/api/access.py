"""Access tokens: secrets that let a principal in, kept only as SHA-256 in `control.access_tokens`.

`rft_` and 256 random bits: nothing to guess, so one hash without salt is enough, and its index finds the row. An
instance remembers a good one for at most CACHE_SECONDS_MAX, so a revocation holds everywhere after that; expiry holds
at once.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

import psycopg

from runfold_consumers.api.database import Database

SCOPES = ("read", "write", "admin")
CACHE_SECONDS_MAX = 5.0
_CACHED_MAX = 10_000
_PREFIX = "rft_"


class Principal(NamedTuple):
    """Who stands behind an access token, and what it lets them do."""

    name: str
    workspaces: frozenset[str]  # {"*"}: all
    scopes: frozenset[str]
    expires_at: datetime | None  # None: never

    def reaches(self, workspace: str) -> bool:
        """Whether the access token is good for the workspace."""
        return "*" in self.workspaces or workspace in self.workspaces


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
    if not principal or not workspaces or isinstance(workspaces, str) or isinstance(scopes, str):
        raise ValueError("an access token needs a principal, a list of workspaces ('*' for all) and a list of scopes")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ValueError(f"no scope is named {', '.join(unknown) or '(none given)'}; allowed are {', '.join(SCOPES)}")
    if expires_at is not None and expires_at.tzinfo is None:
        raise ValueError(f"expires_at {expires_at!r} needs a time zone")
    secret = _PREFIX + secrets.token_urlsafe(32)
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            "INSERT INTO control.access_tokens (access_token_id, hash, principal, workspaces, scopes, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [str(uuid.uuid4()), _hashed(secret), principal, list(workspaces), sorted(set(scopes)), expires_at],
        )
    return secret


def revoke_access_token(conninfo: str, access_token: str) -> bool:
    """Ends an access token for good; False when it is unknown or ended before."""
    with psycopg.connect(conninfo) as connection:
        ended = connection.execute(
            "UPDATE control.access_tokens SET revoked_at = now() WHERE hash = %s AND revoked_at IS NULL",
            [_hashed(access_token)],
        )
        return ended.rowcount == 1


class AccessTokens:
    """Looks access tokens up, with a small memory."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._cached: dict[bytes, tuple[float, Principal]] = {}

    async def principal(self, access_token: str) -> Principal | None:
        """Who holds it, or None when it is unknown, expired or revoked. Raises psycopg.Error while Postgres is away."""
        key = _hashed(access_token)
        looked_up, principal = self._cached.get(key, (0.0, None))
        if principal is None or self._clock() - looked_up >= CACHE_SECONDS_MAX:
            principal = await self._look_up(key)
            self._cached.pop(key, None)
            if principal is not None:
                if len(self._cached) >= _CACHED_MAX:
                    del self._cached[next(iter(self._cached))]  # the one looked up longest ago
                self._cached[key] = (self._clock(), principal)
        if principal is None or (principal.expires_at and principal.expires_at <= datetime.now(timezone.utc)):
            return None
        return principal

    async def _look_up(self, key: bytes) -> Principal | None:
        async with self._database.snapshot("") as snapshot:
            for row in await snapshot.rows("access_token", {"hash": key}):
                return Principal(
                    row["principal"], frozenset(row["workspaces"]), frozenset(row["scopes"]), row["expires_at"]
                )
        return None


def _hashed(access_token: str) -> bytes:
    return hashlib.sha256(access_token.encode("utf-8", "surrogateescape")).digest()
