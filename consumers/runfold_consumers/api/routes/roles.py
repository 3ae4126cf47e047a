"""Roles: what those who sign on by the provider may do in a workspace."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from runfold_consumers.api import principals
from runfold_consumers.api import roles as kept
from runfold_consumers.api.acting import Asking
from runfold_consumers.api.answers import Moment
from runfold_consumers.api.errors import documented, invalid, not_found
from runfold_consumers.api.routes.access_tokens import EVEN_LAST_ADMIN, EvenLastAdmin, Scopes, may_give

routes = APIRouter(prefix="/v1/workspaces/{workspace}/roles", tags=["access"], responses=documented())

Where = Annotated[str, Path(max_length=64, description="Name of the workspace; `*`: in all.", examples=["team-a"])]
Who = Annotated[
    str,
    Path(
        max_length=256,
        description="A subject of the provider, a verified address, `group:<name>`, or `*`: whoever signs on.",
        examples=["ann@example.com", "group:vision"],
    ),
]


class Role(BaseModel):
    """What somebody may do who signs on."""

    workspace: str = Field(description="`*`: in all.")
    principal: str
    scopes: list[str]
    changed_at: Moment
    changed_by: str


class RolesAnswer(BaseModel):
    """Roles by workspace and principal."""

    roles: list[Role]


class RoleWanted(BaseModel):
    """A role that somebody shall hold."""

    scopes: Scopes
    even_last_admin: bool = Field(False, description=EVEN_LAST_ADMIN)


@routes.get("", summary="Roles")
def roles(asking: Asking, workspace: Where) -> RolesAnswer:
    """All roles in the workspace, those that hold in all workspaces too."""
    with asking.connection() as connection:
        return RolesAnswer(roles=[Role(**row) for row in kept.listed(connection, _checked(workspace))])


@routes.get("/{principal:path}", summary="A role", responses=documented(404))
def role(asking: Asking, workspace: Where, principal: Who) -> Role:
    """The one that somebody holds there by this name."""
    with asking.connection() as connection:
        row = kept.one(connection, _checked(workspace), principal)
    if row is None:
        raise not_found("role", principal, f"workspace {workspace}")
    return Role(**row)


@routes.put("/{principal:path}", summary="Give a role", responses=documented(408, 409, 413))
def put(asking: Asking, workspace: Where, principal: Who, what: RoleWanted) -> Role:
    """In place of the one that they held there. Nobody gives what they do not hold themselves."""
    with asking.act() as connection:
        before = kept.one(connection, _checked(workspace), principal)
        held = before["scopes"] if before else ()
        may_give(asking, workspace, [scope for scope in what.scopes if scope not in held])
        row = kept.put(
            connection, asking.actor, workspace, principal, what.scopes, even_last_admin=what.even_last_admin
        )
    return Role(**row)


@routes.delete("/{principal:path}", summary="Take a role away", status_code=204, responses=documented(404, 409))
def remove(asking: Asking, workspace: Where, principal: Who, even_last_admin: EvenLastAdmin = False) -> Response:
    """Sessions of whoever held it lose its scopes within seconds."""
    with asking.act() as connection:
        may_give(asking, _checked(workspace), [])
        if not kept.remove(connection, asking.actor, workspace, principal, even_last_admin=even_last_admin):
            raise not_found("role", principal, f"workspace {workspace}")
    return Response(status_code=204)


def _checked(workspace: str) -> str:
    try:
        return principals.checked_workspace(workspace)
    except ValueError as error:
        raise invalid(str(error)) from None
