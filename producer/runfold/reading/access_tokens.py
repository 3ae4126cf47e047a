"""Access tokens of an API: who may do what, until when. Needs the scope admin."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TypedDict, cast
from urllib.parse import quote

from .asking import TIMEOUT_S, Asking
from .transport import Answer

PATH = "/v1/access-tokens"


class AccessTokenRecord(TypedDict, total=False):
    """An access token, without what is secret; `access_token` itself is there once, in the answer to its creation."""

    access_token_id: str
    principal: str
    workspaces: list[str]
    scopes: list[str]
    created_at: str
    created_by: str | None
    elsewhere: bool
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    access_token: str


class WorkspaceReach(TypedDict):
    """A workspace, and what the caller may do there."""

    workspace: str
    scopes: list[str]


class SessionRecord(TypedDict):
    """Who somebody is, and what for."""

    principal: str
    workspaces: list[WorkspaceReach]
    expires_at: str | None


class AccessTokens(Asking):
    """Creation, list and revocation."""

    def create_access_token(
        self,
        principal: str,
        workspaces: Sequence[str],
        scopes: Sequence[str],
        *,
        expires_in_s: int | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> AccessTokenRecord:
        """A new access token. It is shown in this answer and never again.

        :param principal: Who holds it.
        :param workspaces: Where it is good; `*` for everywhere.
        :param scopes: Of read, write, admin.
        :param expires_in_s: How long it is good; None: until it is revoked.
        """
        body = {"principal": principal, "workspaces": list(workspaces), "scopes": list(scopes)}
        more = {} if expires_in_s is None else {"expires_in_s": expires_in_s}
        return cast(AccessTokenRecord, self._state("POST", PATH, {**body, **more}, timeout_s, once=True))

    def access_tokens(self, *, ended: bool = False, timeout_s: float = TIMEOUT_S) -> list[AccessTokenRecord]:
        """Those that reach a workspace that the caller administers, oldest first.

        :param ended: Revoked and expired ones too.
        """
        found: list[AccessTokenRecord] = []
        cursor: str | None = None
        while True:
            query = {"ended": ended, "cursor": cursor}
            page = self._transport.ask(PATH, query, deadline=time.monotonic() + timeout_s, use=Answer.json)
            found += page["access_tokens"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def revoke_access_token(
        self, access_token_id: str, *, even_last_admin: bool = False, timeout_s: float = TIMEOUT_S
    ) -> None:
        """Ends one for good, and the sessions that it began.

        :param even_last_admin: Although nobody is left then who may administer all workspaces.
        :raises ServiceException: There is none of that id (status_code 404), or it is the last of its kind (409).
        """
        path = f"{PATH}/{quote(access_token_id, safe='')}" + ("?even_last_admin=true" if even_last_admin else "")
        self._state("DELETE", path, None, timeout_s, once=False)

    def session(self, *, timeout_s: float = TIMEOUT_S) -> SessionRecord:
        """Who the caller is, where it may do what, and until when."""
        return cast(SessionRecord, self._state("GET", "/v1/session", None, timeout_s, once=False))

    def workspaces(self, *, timeout_s: float = TIMEOUT_S) -> list[WorkspaceReach]:
        """The workspaces that the caller reaches."""
        found = self._state("GET", "/v1/workspaces", None, timeout_s, once=False)["workspaces"]
        return cast("list[WorkspaceReach]", found)
