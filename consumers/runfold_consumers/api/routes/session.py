"""Signing in and out at the page: by an access token, or by the provider of RUNFOLD_OIDC_*."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from runfold_consumers.api import access, audit, sessions
from runfold_consumers.api.acting import Access, Asking, HasAccess
from runfold_consumers.api.answers import Moment
from runfold_consumers.api.database import statement
from runfold_consumers.api.errors import ApiError, documented, invalid
from runfold_consumers.api.principals import Principal
from runfold_consumers.api.services import Served

log = logging.getLogger(__name__)

routes = APIRouter(prefix="/v1", tags=["access"])
closed = APIRouter(prefix="/v1", tags=["access"], responses=documented())
_SIGN_ON_PATH = "/v1/sign-on/oidc"
_REDIRECTED: dict[int | str, dict[str, Any]] = {303: {"description": "To the provider, or to the page."}}


class Reach(BaseModel):
    """A workspace, and what may be done there."""

    workspace: str = Field(examples=["team-a"])
    scopes: list[str] = Field(description="Of read, write, admin.")


class WorkspacesAnswer(BaseModel):
    """The workspaces that the caller reaches."""

    workspaces: list[Reach]


class SessionAnswer(WorkspacesAnswer):
    """Who is signed in."""

    principal: str
    csrf: str | None = Field(
        description="Requests by cookie other than GET say it in the header Runfold-CSRF; null with an access token."
    )
    expires_at: Moment | None


class SignIn(BaseModel):
    """What signs in."""

    access_token: str = Field(min_length=1, max_length=1024, description="An access token, `rft_...`.")


class SignOnOffer(BaseModel):
    """A provider where people sign on."""

    name: str
    url: str = Field(description="GET it in the browser; `return_to` names the path of the page to come back to.")


class SignOnAnswer(BaseModel):
    """How people sign on."""

    oidc: SignOnOffer | None


@closed.get("/workspaces", summary="Workspaces that the caller reaches")
async def workspaces(asking: Asking, served_by: Served) -> WorkspacesAnswer:
    """Those that something was folded in, and those that the caller is named in, with the caller's scopes there."""
    return WorkspacesAnswer(workspaces=await _reached(asking.access, served_by, asking.principal))


@closed.get("/session", summary="Who is signed in")
async def session(asking: Asking, served_by: Served) -> SessionAnswer:
    """The principal behind the cookie or the access token, and what they may do where."""
    return await _told(asking.access, served_by, asking.principal, asking.request.scope["state"].get("session_secret"))


@routes.post("/session", summary="Sign in by an access token", responses=documented(408, 413))
async def sign_in(
    what: SignIn, has: HasAccess, request: Request, response: Response, served_by: Served
) -> SessionAnswer:
    """Begins a session and sets its cookie. The session is worth what the access token is, and ends with it."""
    principal = await request.app.state.admission.by_access_token(what.access_token.strip())
    if principal is None:
        raise ApiError(401, "unauthenticated", "the access token is unknown, expired or revoked; ask for a new one")
    row = {"principal": principal.name, "access_token_id": principal.via.removeprefix("access-token ")}

    def begin() -> sessions.Begun:
        with audit.opened(has.conninfo) as connection:
            _end_old(connection, has, request)
            return sessions.begin_by_access_token(connection, row, _address(request), has.lifetime)

    begun = await asyncio.to_thread(begin)
    _set_cookie(response, has, begun)
    signed_in = await request.app.state.admission.by_session(begun.secret)
    return await _told(has, served_by, signed_in or principal, begun.secret)


@closed.delete("/session", summary="Sign out", status_code=204)
async def sign_out(asking: Asking) -> Response:
    """Ends the session of the cookie, here and on every other instance within seconds."""
    secret = asking.request.scope["state"].get("session_secret")
    if secret is None:
        raise invalid("an access token has no session; DELETE /v1/access-tokens/{id} revokes it")
    session_id = asking.principal.via.removeprefix("session ")

    def end() -> None:
        with audit.opened(asking.access.conninfo) as connection:
            sessions.end(connection, asking.actor, session_id)

    await asyncio.to_thread(end)
    asking.admission.forget(secret)
    response = Response(status_code=204)
    response.delete_cookie(
        sessions.cookie_name(asking.access.secure), path="/", secure=asking.access.secure, httponly=True, samesite="lax"
    )
    return response


@routes.get("/sign-on", summary="How people sign on", responses=documented())
async def sign_on(has: HasAccess) -> SignOnAnswer:
    """The provider where people sign on, or null where an access token is the only way. Open."""
    provider = has.provider
    return SignOnAnswer(oidc=SignOnOffer(name=provider.name, url=_SIGN_ON_PATH) if provider else None)


@routes.get(
    "/sign-on/oidc",
    summary="Sign on",
    status_code=303,
    response_class=Response,
    responses={**documented(404), **_REDIRECTED},
)
async def begin(
    has: HasAccess,
    return_to: Annotated[str, Query(max_length=4096, description="Path of the page to come back to.")] = "/",
) -> Response:
    """Sends the browser to the provider. What must come back is kept for ten minutes, and bound to this browser."""
    from runfold_consumers.api.sign_on import SignOnError

    if has.provider is None:
        raise ApiError(404, "not_found", "no sign-on provider is set (RUNFOLD_OIDC_ISSUER); sign in by an access token")
    try:
        begun = await has.provider.begin()
    except SignOnError as error:
        return _back(has, error.code, str(error), return_to)
    browser = secrets.token_urlsafe(32)

    def keep() -> None:
        with audit.opened(has.conninfo) as connection:
            connection.execute(
                statement("sign_on_begin"),
                {
                    "state_hash": access.hashed(begun.state),
                    "browser_hash": access.hashed(browser),
                    "nonce": begun.nonce,
                    "code_verifier": begun.code_verifier,
                    "return_to": _own_path(return_to),
                },
            )

    await asyncio.to_thread(keep)
    response = RedirectResponse(begun.url, 303)
    response.set_cookie(value=browser, max_age=600, **_browser_cookie(has))
    return response


@routes.get(
    "/sign-on/oidc/callback",
    summary="Back from the provider",
    status_code=303,
    response_class=Response,
    responses={**documented(404), **_REDIRECTED},
)
async def callback(
    has: HasAccess,
    request: Request,
    state: Annotated[str, Query(max_length=1024, description="As it was sent.")] = "",
    code: Annotated[str, Query(max_length=8192, description="Of the provider, for one exchange.")] = "",
    error: Annotated[str, Query(max_length=1024, description="Why it sends nobody.")] = "",
    iss: Annotated[str | None, Query(max_length=1024, description="Issuer (RFC 9207).")] = None,
) -> Response:
    """Begins a session where all that came back holds; else back to the sign-in page, whose query says why not."""
    from runfold_consumers.api.sign_on import SignOnError

    provider = has.provider
    if provider is None:
        raise ApiError(404, "not_found", "no sign-on provider is set (RUNFOLD_OIDC_ISSUER)")
    browser = request.cookies.get(_browser_cookie(has)["key"], "")

    def take() -> Any:
        keys = {"state_hash": access.hashed(state), "browser_hash": access.hashed(browser)}
        with audit.opened(has.conninfo) as connection:
            return connection.execute(statement("sign_on_take"), keys).fetchone()

    begun = await asyncio.to_thread(take)
    if begun is None:
        return _back(has, "state", "no sign-on of this browser is waiting for that answer", "/")
    if error or not code:
        return _back(has, "refused", f"the provider says {error or 'nothing'!r}", begun["return_to"])
    try:
        person = await provider.finish(code, begun["nonce"], begun["code_verifier"], iss)
    except SignOnError as failed:
        return _back(has, failed.code, str(failed), begun["return_to"])

    def enter() -> sessions.Begun:
        with audit.opened(has.conninfo) as connection:
            _end_old(connection, has, request)
            return sessions.begin_by_sign_on(
                connection,
                person.name,
                person.subject,
                person.email,
                person.groups,
                _address(request),
                has.lifetime,
            )

    session = await asyncio.to_thread(enter)
    response = RedirectResponse(begun["return_to"], 303)
    _set_cookie(response, has, session)
    response.delete_cookie(**_browser_cookie(has))
    return response


def _browser_cookie(has: Access) -> dict[str, Any]:
    """That which binds a sign-on to its browser; under TLS to this host, too: no neighbour can plant one."""
    key = sessions.cookie_name(has.secure, "runfold_sign_on")
    path = "/" if has.secure else _SIGN_ON_PATH
    return {"key": key, "path": path, "secure": has.secure, "httponly": True, "samesite": "lax"}


def _back(has: Access, code: str, why: str, return_to: str) -> Response:
    """To the sign-in page, which tells the code; the log has the reason."""
    log.warning("sign-on failed: %s", why, extra={"code": code})
    response = RedirectResponse("/sign-in?" + urlencode({"error": code, "return_to": _own_path(return_to)}), 303)
    response.delete_cookie(**_browser_cookie(has))
    return response


def _own_path(path: str) -> str:
    """A path of the page: never another site, whatever a link said."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if plain else "/"


def _end_old(connection: audit.Connection, has: Access, request: Request) -> None:
    old = request.cookies.get(sessions.cookie_name(has.secure))
    if old:
        sessions.end_by_secret(connection, old)
        request.app.state.admission.forget(old)


def _set_cookie(response: Response, has: Access, begun: sessions.Begun) -> None:
    response.set_cookie(
        sessions.cookie_name(has.secure),
        begun.secret,
        max_age=int(has.lifetime.whole.total_seconds()),
        path="/",
        secure=has.secure,
        httponly=True,
        samesite="lax",
    )


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None


async def _reached(has: Access, served_by: Served, principal: Principal) -> list[Reach]:
    async with served_by.database.snapshot("") as snapshot:
        known = [row["workspace"] for row in await snapshot.rows("workspaces")]
    reached = principal.workspaces([*known, *([has.workspace] if has.workspace else [])])
    return [Reach(workspace=name, scopes=sorted(scopes)) for name, scopes in reached.items()]


async def _told(has: Access, served_by: Served, principal: Principal, secret: str | None) -> SessionAnswer:
    return SessionAnswer(
        principal=principal.name,
        workspaces=await _reached(has, served_by, principal),
        csrf=sessions.csrf_of(secret) if secret else None,
        expires_at=principal.expires_at,
    )
