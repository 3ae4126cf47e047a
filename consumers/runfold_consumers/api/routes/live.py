"""What changes, as it happens: server-sent events."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import datetime, timezone
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from runfold_consumers.api.errors import documented, invalid
from runfold_consumers.api.live import Hubs, Viewer
from runfold_consumers.api.services import Served, Workspace
from runfold_schemas.watermark import Watermark, parse

STREAM_SECONDS_MAX = 300.0  # then the viewer comes back, and its access token is looked at again
RUNS_NAMED_MAX = 1000
RECONNECT_MS = 1000
MEDIA_TYPE = "text/event-stream"

routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["live"], responses=documented())


class EventStream(Response):
    """The stream of one viewer, until it goes away, its time is over or the process ends."""

    media_type = MEDIA_TYPE

    def __init__(
        self, hubs: Hubs, workspace: str, run_ids: frozenset[str], after: Watermark | None, seconds: float
    ) -> None:
        """`seconds`: how long the stream lasts at most."""
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hubs, self._workspace, self._run_ids, self._after = hubs, workspace, run_ids, after
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Streams."""
        async with self._hubs.watching(self._workspace, self._run_ids, self._after) as viewer:
            try:
                await self._told(viewer, receive, send)
            except asyncio.CancelledError:
                if not viewer.ended:  # else it took nothing for too long and was cut
                    raise

    async def _told(self, viewer: Viewer, receive: Receive, send: Send) -> None:
        leaving = asyncio.ensure_future(_gone(receive))
        leaving.add_done_callback(lambda _: viewer.end())
        over = asyncio.get_running_loop().call_later(self._seconds, viewer.end)
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            told = f"retry: {RECONNECT_MS}\n\n".encode() + viewer.take()
            while True:
                if told:
                    viewer.blocked_since = time.monotonic()
                    await send({"type": "http.response.body", "body": told, "more_body": True})
                    viewer.blocked_since, viewer.told_at = None, time.monotonic()
                if viewer.ended:
                    break
                await viewer.changed.wait()
                told = viewer.take()
            await send({"type": "http.response.body", "body": b""})
        finally:
            over.cancel()
            leaving.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@routes.get(
    "/changes",
    summary="Live changes",
    status_code=200,
    response_class=Response,
    responses={
        200: {
            "description": "`here` (id: the watermark that differences count from), then `changes` with data `{runs: "
            "{<run id>: [kinds]}, experiments, others: {<kind>: [names]}, more}`; kinds are status, tags, properties, "
            "points, logs, heartbeat, artifacts, decisions, children and facts (anything in the timeline). `reset`: "
            "what happened since cannot be told by difference; read anew, and go on from its id.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        }
    },
)
async def changes(
    request: Request,
    workspace: Workspace,
    served_by: Served,
    run_id: Annotated[list[str], Query(max_length=RUNS_NAMED_MAX, description="Only these runs.")] = [],  # noqa: B006
    after: Annotated[
        str | None, Query(max_length=1 << 16, description="Watermark: what changed since is told first.")
    ] = None,
    last_event_id: Annotated[str | None, Header(description="As a browser sends it; stands above `after`.")] = None,
) -> Response:
    """What changes in the workspace, by difference, until the connection ends. It ends by itself after 5 minutes, or
    when the access token expires; come back with the last id, and nothing is missed."""
    told = last_event_id or after
    try:
        since = parse(told) if told else None
    except ValueError as error:
        raise invalid(f"after: {error}") from None
    if since is not None and since.ordinals:
        raise invalid("after takes a watermark of offsets, as answers and events name it; this one holds ordinals")
    seconds = STREAM_SECONDS_MAX * random.uniform(0.9, 1.0)
    expires_at = getattr(getattr(request.state, "principal", None), "expires_at", None)
    if expires_at is not None:
        seconds = min(seconds, max(0.0, (expires_at - datetime.now(timezone.utc)).total_seconds()))
    return EventStream(served_by.hubs, workspace, frozenset(run_id), since, seconds)
