"""Access tokens and sessions: who may come in. For administrators, each for the workspaces that they administer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from runfold_consumers.api import access, principals, sessions
from runfold_consumers.api.acting import Acting, Asking
from runfold_consumers.api.answers import Moment
from runfold_consumers.api.errors import ApiError, documented, not_found
from runfold_consumers.api.paging import Cursor, Limit, cursor_of, place_of

routes = APIRouter(prefix="/v1", tags=["access"], responses=documented())

EVEN_LAST_ADMIN = "Although nobody is left then who may administer all workspaces."
EvenLastAdmin = Annotated[bool, Query(description=EVEN_LAST_ADMIN)]
Text = Annotated[str, Field(min_length=1, max_length=access.NAME_MAX, pattern="^[^\\x00]+$")]
Scopes = Annotated[
    list[Annotated[str, Field(pattern="^(read|write|admin)$")]],
    Field(min_length=1, max_length=3, description="Of read, write, admin; none implies another."),
]
YEARS_S_MAX = 10 * 366 * 86_400


class AccessToken(BaseModel):
    """An access token, without what is secret."""

    access_token_id: str
    principal: str
    workspaces: list[str] = Field(description="Of those that the caller administers; `*`: all.")
    elsewhere: bool = Field(description="It reaches workspaces that the caller does not administer too.")
    scopes: list[str]
    created_at: Moment
    created_by: str | None
    expires_at: Moment | None = Field(description="null: never.")
    revoked_at: Moment | None
    revoked_by: str | None
    last_used_at: Moment | None = Field(description="To the ten minutes.")


class AccessTokenMade(AccessToken):
    """A new access token."""

    access_token: str = Field(description="The secret itself: shown this once.", examples=["rft_..."])


class AccessTokensAnswer(BaseModel):
    """Access tokens, oldest first."""

    access_tokens: list[AccessToken]
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")


class AccessTokenWanted(BaseModel):
    """An access token that is to be made."""

    principal: Text = Field(description="Who it is for, as audits and events shall name them.", examples=["ann"])
    workspaces: list[Annotated[str, Field(pattern=r"^(\*|[a-z0-9-]{3,33})$")]] = Field(
        min_length=1, max_length=100, description="Names; `*` for all."
    )
    scopes: Scopes
    expires_in_s: int | None = Field(
        None, ge=1, le=YEARS_S_MAX, description="Seconds that it is good for; null: until it is revoked."
    )


class SessionRow(BaseModel):
    """Somebody who is signed in."""

    session_id: str
    principal: str
    access_token_id: str | None = Field(description="That stands behind it; null where somebody signed on.")
    subject: str | None
    email: str | None
    groups: list[str]
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment


class SessionsAnswer(BaseModel):
    """Sessions in force, latest first, 1,000 at most."""

    sessions: list[SessionRow]


@routes.get("/access-tokens", summary="Access tokens")
def access_tokens(
    asking: Asking,
    ended: Annotated[bool, Query(description="Revoked and expired ones too.")] = False,
    cursor: Cursor = None,
    limit: Limit = 1000,
) -> AccessTokensAnswer:
    """Those that reach a workspace that the caller administers, without what is secret."""
    at, last = place_of(cursor, datetime, str)
    after = None if at is None else (at, last)
    with asking.connection() as connection:
        rows = access.listed(connection, workspaces=asking.administered(), ended=ended, after=after, limit=limit + 1)
    page = rows[:limit]
    more = len(rows) > limit
    return AccessTokensAnswer(
        access_tokens=[AccessToken(**_shown(asking, row)) for row in page],
        next_cursor=cursor_of(page[-1]["created_at"], page[-1]["access_token_id"]) if more else None,
    )


@routes.post("/access-tokens", summary="Make an access token", status_code=201, responses=documented(408, 413))
def make(asking: Asking, what: AccessTokenWanted) -> AccessTokenMade:
    """The secret is in this answer and never again. Nobody gives what they do not hold themselves."""
    for workspace in what.workspaces:
        may_give(asking, workspace, what.scopes)
    expires_at = (
        None if what.expires_in_s is None else datetime.now(timezone.utc) + timedelta(seconds=what.expires_in_s)
    )
    with asking.act() as connection:
        row, secret = access.create(connection, asking.actor, what.principal, what.workspaces, what.scopes, expires_at)
    return AccessTokenMade(**_shown(asking, row), access_token=secret)


@routes.delete(
    "/access-tokens/{access_token_id}",
    summary="Revoke an access token",
    status_code=204,
    responses=documented(404, 409),
)
def revoke(
    asking: Asking,
    access_token_id: Annotated[str, Path(max_length=64, description="Its id.")],
    even_last_admin: EvenLastAdmin = False,
) -> Response:
    """Ends it for good, and the sessions that it began: here at once, on other instances within seconds."""
    access_token_id = access_token_id.replace("\0", "")
    with asking.act() as connection:
        row = access.one(connection, access_token_id)
        if row is None or not any(asking.principal.administers(w) for w in row["workspaces"]):
            raise not_found("access token", access_token_id, "the workspaces that you administer")
        for workspace in row["workspaces"]:
            if not asking.principal.administers(workspace):
                raise ApiError(
                    403,
                    "forbidden",
                    "it reaches workspaces that you do not administer; who administers all may revoke it",
                )
        sign_on = asking.access.provider is not None
        if not access.revoke(
            connection, asking.actor, access_token_id, even_last_admin=even_last_admin, sign_on=sign_on
        ):
            raise not_found("access token in force", access_token_id, "the workspaces that you administer")
    return Response(status_code=204)


@routes.get("/sessions", summary="Who is signed in at the page")
def signed_in(asking: Asking) -> SessionsAnswer:
    """For administrators of all workspaces (`*`)."""
    _everywhere(asking)
    with asking.connection() as connection:
        return SessionsAnswer(
            sessions=[SessionRow(**row) for row in sessions.listed(connection, asking.access.lifetime.idle)]
        )


@routes.delete("/sessions/{session_id}", summary="Sign somebody out", status_code=204, responses=documented(404))
def end_session(asking: Asking, session_id: Annotated[str, Path(max_length=64, description="Its id.")]) -> Response:
    """For administrators of all workspaces (`*`). Holds within seconds."""
    _everywhere(asking)
    session_id = session_id.replace("\0", "")
    with asking.act() as connection:
        if not sessions.end(connection, asking.actor, session_id):
            raise not_found("session in force", session_id, "all of them")
    return Response(status_code=204)


def may_give(asking: Acting, workspace: str, scopes: list[str]) -> None:
    """Raises ApiError 403 where the caller does not administer the workspace, or lacks a scope there."""
    held = asking.principal.scopes_in(workspace)
    if "admin" not in held:
        where = "all workspaces ('*')" if workspace == principals.EVERYWHERE else f"the workspace {workspace!r}"
        raise ApiError(403, "forbidden", f"you do not administer {where}")
    lacking = sorted(set(scopes) - held)
    if lacking:
        raise ApiError(
            403,
            "forbidden",
            f"you do not hold {', '.join(lacking)} in {workspace!r} yourself; nobody gives what they lack",
        )


def _everywhere(asking: Acting) -> None:
    if not asking.everywhere():
        raise ApiError(403, "forbidden", "this needs the scope 'admin' in all workspaces ('*')")


def _shown(asking: Acting, row: Mapping[str, Any]) -> dict[str, Any]:
    administered = [w for w in row["workspaces"] if w == principals.EVERYWHERE or asking.principal.administers(w)]
    elsewhere = any(not asking.principal.administers(workspace) for workspace in row["workspaces"])
    return {**row, "workspaces": administered, "elsewhere": elsewhere}
