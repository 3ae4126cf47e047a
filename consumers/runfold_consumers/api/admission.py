"""Who stands behind an access token or a session's cookie.

An instance remembers a good answer for at most CACHE_SECONDS_MAX, so that revocations, ended sessions and changed roles
hold everywhere after that; expiry holds at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from runfold_consumers.api import principals
from runfold_consumers.api.access import hashed, is_over
from runfold_consumers.api.database import Database
from runfold_consumers.api.noting import Notes
from runfold_consumers.api.principals import Principal

CACHE_SECONDS_MAX = 5.0
_CACHED_MAX = 10_000


class Admission:
    """Looks secrets up, with a small memory."""

    def __init__(
        self, database: Database, notes: Notes, idle: timedelta, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._notes, self._idle, self._clock = database, notes, idle, clock
        self._cached: dict[tuple[str, bytes], tuple[float, Principal]] = {}
        self._forgotten = 0  # how often: what was looked up before is not remembered after

    async def by_access_token(self, access_token: str) -> Principal | None:
        """Who holds it, or None when it is unknown, expired or revoked. Raises psycopg.Error while Postgres is away."""
        return await self._remembered("access token", hashed(access_token))

    async def by_session(self, secret: str) -> Principal | None:
        """Whose session it is, or None when it is unknown or over. Raises psycopg.Error while Postgres is away."""
        return await self._remembered("session", hashed(secret))

    def forget(self, secret: str) -> None:
        """A secret that this process has just ended is not good for another moment."""
        self._forgotten += 1
        for kind in ("access token", "session"):
            self._cached.pop((kind, hashed(secret)), None)

    def forget_all(self) -> None:
        """Everything is looked up anew: somebody has just changed what others may do."""
        self._forgotten += 1
        self._cached.clear()

    async def _remembered(self, kind: str, key: bytes) -> Principal | None:
        looked_up, principal = self._cached.get((kind, key), (0.0, None))
        now, forgotten = self._clock(), self._forgotten
        if principal is None or now - looked_up >= CACHE_SECONDS_MAX:
            principal = await (self._access_token(key) if kind == "access token" else self._session(key))
            self._cached.pop((kind, key), None)
            if principal is not None and self._forgotten == forgotten:
                if len(self._cached) >= _CACHED_MAX:
                    self._cached.pop(next(iter(self._cached)), None)  # the one looked up longest ago
                self._cached[kind, key] = (now, principal)
        return None if principal is None or is_over(principal.expires_at) else principal

    async def _access_token(self, key: bytes) -> Principal | None:
        async with self._database.snapshot("") as snapshot:
            for row in await snapshot.rows("access_token", {"hash": key}):
                if row["use_is_news"]:
                    self._notes.used(row["access_token_id"])
                grants = principals.granted(row["workspaces"], row["scopes"])
                return Principal(row["principal"], grants, row["expires_at"], f"access-token {row['access_token_id']}")
        return None

    async def _session(self, key: bytes) -> Principal | None:
        async with self._database.snapshot("") as snapshot:
            for row in await snapshot.rows("session", {"hash": key, "idle": self._idle}):
                if row["use_is_news"]:
                    self._notes.seen(row["session_id"])
                expires_at = row["expires_at"]
                if row["access_token_id"] is not None:
                    grants = principals.granted(row["workspaces"], row["scopes"])
                    expires_at = min(expires_at, row["access_token_expires_at"] or expires_at)
                else:
                    names = principals.role_names(row["subject"], row["email"], True, row["groups"])
                    held = await snapshot.rows("roles_held", {"names": names})
                    grants = principals.together((role["workspace"], role["scopes"]) for role in held)
                return Principal(row["principal"], grants, expires_at, f"session {row['session_id']}")
        return None
