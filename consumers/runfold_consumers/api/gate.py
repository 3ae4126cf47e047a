"""The gate before all routes (pure ASGI): nothing passes unless it may. A new route is behind it without any doing.

Without a good access token every path but /livez and /readyz answers 401, unknown paths too.
`/v1/workspaces/{workspace}/...` needs an access token of that workspace; the scope follows from the method: GET and
HEAD need `read`, everything else `write`, but for the POSTs that only read. The body is not touched before, cut off
above BODY_BYTES_MAX, and waited for BODY_SECONDS_MAX.
"""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runfold_consumers.api.access import AccessTokens, Principal
from runfold_consumers.api.errors import ApiError, translated

OPEN_PATHS = frozenset(("/livez", "/readyz"))
READING_POSTS = frozenset(("wait",))  # below the workspace: POSTs that change nothing
BODY_BYTES_MAX = 1 << 20
BODY_SECONDS_MAX = 20.0
_WORKSPACES = "/v1/workspaces/"
_TOO_SLOW = f"the body did not arrive within {BODY_SECONDS_MAX:g} s"
_TOO_LARGE = f"a body has at most {BODY_BYTES_MAX} bytes; files go to the object store by a signed URL"


class Gate:
    """ASGI middleware. The principal is left in `scope["state"]["principal"]`."""

    def __init__(self, app: ASGIApp, access_tokens: AccessTokens) -> None:
        self._app = app
        self._access_tokens = access_tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it with the refusal."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":  # what is neither (websockets) is not served
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            if scope["path"] not in OPEN_PATHS:
                principal = await self._authenticated(headers.get("authorization"))
                _permit(principal, scope["method"], scope["path"])
                scope.setdefault("state", {})["principal"] = principal
            _bound(headers.get("content-length"))
        except Exception as error:  # noqa: BLE001 the border: whatever it is becomes an answer, and nothing passes
            await translated(error).response()(scope, receive, send)
            return
        await self._answered(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noticed(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, _bounded(receive), noticed)
        except Exception as error:
            if started:  # the server cuts the connection, so that nobody takes half an answer for a whole one
                raise
            await translated(error).response()(scope, receive, send)

    async def _authenticated(self, authorization: str | None) -> Principal:
        scheme, _, access_token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not access_token.strip():
            raise _unauthenticated("send an access token: the header 'Authorization: Bearer rft_...'")
        principal = await self._access_tokens.principal(access_token.strip())
        if principal is None:
            raise _unauthenticated("the access token is unknown, expired or revoked; ask for a new one")
        return principal


def _permit(principal: Principal, method: str, path: str) -> None:
    workspace, _, below = path.removeprefix(_WORKSPACES).partition("/")
    reads = method in ("GET", "HEAD") or (method == "POST" and below in READING_POSTS)
    needed = "read" if reads else "write"
    if needed not in principal.scopes:
        held = ", ".join(sorted(principal.scopes))
        raise ApiError(403, "forbidden", f"this needs the scope {needed!r}; the access token has: {held}")
    if path.startswith(_WORKSPACES) and not principal.reaches(workspace):
        raise ApiError(403, "forbidden", f"the access token does not reach the workspace {workspace!r}")


def _unauthenticated(message: str) -> ApiError:
    return ApiError(401, "unauthenticated", message, headers={"WWW-Authenticate": "Bearer"})


def _bound(content_length: str | None) -> None:
    if (
        content_length is not None and int(content_length) > BODY_BYTES_MAX
    ):  # the server has checked that it is a number
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
