"""The gate before all routes (pure ASGI): nothing passes unless it may. A new route is behind it without any doing.

What a request needs stands in `permissions`. Who asks is told by an access token (`Authorization: Bearer rft_...`),
else by a session's cookie; a request by cookie that may change something must also say the session's CSRF value, and
one that a page elsewhere sends is refused. The address is too long above QUERY_BYTES_MAX, headers above
HEADER_BYTES_MAX; the body is not touched before all this, cut off above BODY_BYTES_MAX, and waited for
BODY_SECONDS_MAX.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from typing import NamedTuple

import psycopg
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runfold_consumers.api import audit, permissions, sessions
from runfold_consumers.api.admission import Admission
from runfold_consumers.api.audit import Actor
from runfold_consumers.api.errors import ApiError, translated
from runfold_consumers.api.limiting import Limits
from runfold_consumers.api.noting import Notes
from runfold_consumers.api.permissions import Need
from runfold_consumers.api.principals import Principal

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 1 << 20
BODY_SECONDS_MAX = 20.0
QUERY_BYTES_MAX = 48 << 10  # path and query: a watermark may be long
HEADER_BYTES_MAX = 16 << 10
HEADERS_MAX = 100
_SAFE = ("GET", "HEAD")
_TOO_SLOW = f"the body did not arrive within {BODY_SECONDS_MAX:g} s"
_TOO_LARGE = f"a body has at most {BODY_BYTES_MAX} bytes; files go to the object store by a signed URL"


class Doors(NamedTuple):
    """What the gate stands on."""

    admission: Admission
    limits: Limits
    notes: Notes
    conninfo: str
    secure: bool
    """Browsers come by TLS."""
    audit_reads: bool


class Gate:
    """ASGI middleware. Leaves the principal in `scope["state"]["principal"]`, a cookie's secret in `session_secret`."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self._app = app
        self._doors = doors
        self._cookie = sessions.cookie_name(doors.secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it with the refusal."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":  # what is neither (websockets) is not served
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        needed = permissions.need(scope["method"], scope["path"])
        state = scope.setdefault("state", {})
        try:
            _bound(scope, headers)
            if needed.scope is None:
                await self._opened(scope, headers)
            else:
                principal = await self._authenticated(scope, headers)
                await self._doors.limits.of_principal(principal.name)
                _permit(principal, needed)
                state["principal"] = principal
        except Exception as error:  # noqa: BLE001 the border: whatever it is becomes an answer, and nothing passes
            await translated(error).response()(scope, receive, send)
            return
        await self._answered(scope, receive, send, needed)

    async def _answered(self, scope: Scope, receive: Receive, send: Send, needed: Need) -> None:
        started = False

        async def noticed(message: Message) -> None:
            nonlocal started
            if not started:
                await self._noted(scope, needed, message.get("status", 0))
            started = True
            await send(message)

        try:
            await self._app(scope, _bounded(receive), noticed)
        except Exception as error:
            if started:  # the server cuts the connection, so that nobody takes half an answer for a whole one
                raise
            await translated(error).response()(scope, receive, send)

    async def _opened(self, scope: Scope, headers: Headers) -> None:
        """Of routes that are open to everybody, those that sign people in are counted by address."""
        if scope["path"].startswith("/v1/"):
            await self._doors.limits.of_address(_address(scope))
            if scope["method"] not in _SAFE:
                _refuse_pages_elsewhere(headers)
            if scope["method"] not in _SAFE or scope["path"] != "/v1/sign-on":  # which only says how
                await self._doors.limits.failed(_address(scope))

    async def _authenticated(self, scope: Scope, headers: Headers) -> Principal:
        authorization = headers.get("authorization")
        secret = cookie_parser(headers.get("cookie", "")).get(self._cookie)
        if authorization is None and secret:
            return await self._by_session(scope, headers, secret)
        scheme, _, access_token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not access_token.strip():
            raise _unauthenticated("send an access token: the header 'Authorization: Bearer rft_...'")
        await self._doors.limits.of_address(_address(scope))
        principal = await self._doors.admission.by_access_token(access_token.strip())
        if principal is None:
            await self._doors.limits.failed(_address(scope))
            raise _unauthenticated("the access token is unknown, expired or revoked; ask for a new one")
        return principal

    async def _by_session(self, scope: Scope, headers: Headers, secret: str) -> Principal:
        await self._doors.limits.of_address(_address(scope))
        principal = await self._doors.admission.by_session(secret)
        if principal is None:
            await self._doors.limits.failed(_address(scope))
            raise _unauthenticated("the session is over; sign in again")
        if scope["method"] not in _SAFE:
            _refuse_pages_elsewhere(headers)
            said = headers.get(sessions.CSRF_HEADER, "")
            if not hmac.compare_digest(said.encode("latin-1", "replace"), sessions.csrf_of(secret).encode()):
                raise ApiError(
                    403,
                    "csrf",
                    f"a request by cookie says in the header {sessions.CSRF_HEADER} what GET /v1/session told",
                )
        scope["state"]["session_secret"] = secret
        return principal

    async def _noted(self, scope: Scope, needed: Need, status: int) -> None:
        """The audit's net: administrative acts that wrote no row of their own, and reads where they are wanted."""
        principal = scope["state"].get("principal")
        if principal is None:
            return
        reads = scope["method"] in _SAFE or needed.scope == "read"
        if reads and self._doors.audit_reads:
            detail = {
                "method": scope["method"],
                "status": status,
                "query": scope["query_string"].decode("latin-1")[:1024],
            }
            self._doors.notes.read(actor(scope), scope["path"][: audit.TEXT_MAX], needed.workspace, **detail)
        if not reads and needed.scope == "admin" and status < 400 and not scope["state"].get("audited"):
            action = f"{scope['method']} {getattr(scope.get('route'), 'path', scope['path'])}"
            try:
                await asyncio.to_thread(self._note, actor(scope), action, scope["path"], needed.workspace, status)
            except psycopg.Error as error:  # it is done, and cannot be undone
                log.error("not audited: %s", error, extra={"principal": principal.name, "action": action})

    def _note(self, who: Actor, action: str, subject: str, workspace: str | None, status: int) -> None:
        with audit.opened(self._doors.conninfo) as connection:
            audit.note(connection, who, action, subject, workspace, status=status)


def actor(scope: Scope) -> Actor:
    """Who does what a request asks for, for the audit."""
    principal: Principal = scope["state"]["principal"]
    return Actor(principal.name, principal.via, _address(scope))


def _address(scope: Scope) -> str | None:
    client = scope.get("client")
    return str(client[0]) if client else None


def _permit(principal: Principal, needed: Need) -> None:
    if not needed.scope:
        return
    if needed.workspace is None:
        if not principal.holds(needed.scope):
            raise ApiError(403, "forbidden", f"this needs the scope {needed.scope!r} in some workspace")
        return
    held = principal.scopes_in(needed.workspace)
    if not held:
        raise ApiError(403, "forbidden", f"the access token does not reach the workspace {needed.workspace!r}")
    if needed.scope not in held:
        told = ", ".join(sorted(held))
        raise ApiError(403, "forbidden", f"this needs the scope {needed.scope!r}; the access token has: {told}")


def _unauthenticated(message: str) -> ApiError:
    return ApiError(401, "unauthenticated", message, headers={"WWW-Authenticate": "Bearer"})


def _refuse_pages_elsewhere(headers: Headers) -> None:
    """Browsers say where a request comes from; what they send for another site has no cookie's right."""
    site = headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none"):
        raise ApiError(403, "csrf", f"a page elsewhere ({site}) sent this; only the API's own page may, by cookie")


def _bound(scope: Scope, headers: Headers) -> None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > QUERY_BYTES_MAX:
        raise ApiError(
            414, "too_large", f"an address has at most {QUERY_BYTES_MAX} bytes; long watermarks go to POST /wait"
        )
    if len(scope["headers"]) > HEADERS_MAX or sum(len(n) + len(v) for n, v in scope["headers"]) > HEADER_BYTES_MAX:
        raise ApiError(
            431, "too_large", f"a request has at most {HEADERS_MAX} headers of {HEADER_BYTES_MAX} bytes in all"
        )
    length = headers.get("content-length")
    if length is not None and int(length) > BODY_BYTES_MAX:  # the server has checked that it is a number
        raise ApiError(413, "too_large", _TOO_LARGE, headers={"Connection": "close"})


def _bounded(receive: Receive) -> Receive:
    """`receive` that refuses the part of a chunked body that passes the bound, and a body that does not come."""
    seen, ended = 0, False
    deadline = time.monotonic() + BODY_SECONDS_MAX

    async def bounded() -> Message:
        nonlocal seen, ended
        if ended:  # what is waited for now is that the client goes away
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), deadline - time.monotonic())
        except asyncio.TimeoutError:
            raise HTTPException(408, _TOO_SLOW, headers={"Connection": "close"}) from None
        ended = not message.get("more_body", False)
        seen += len(message.get("body", b""))
        if seen > BODY_BYTES_MAX:
            raise HTTPException(413, _TOO_LARGE)  # the one kind of exception that FastAPI lets through while it reads
        return message

    return bounded
