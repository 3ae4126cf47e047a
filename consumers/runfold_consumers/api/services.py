"""What routes stand on, and how they get it: the services of the application, and the read that a request asks for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Annotated, NamedTuple, cast

from fastapi import Depends, Path, Query, Request

from runfold_consumers.api.as_of import watermark_of
from runfold_consumers.api.code.reading import Zips
from runfold_consumers.api.database import Database, Snapshot
from runfold_consumers.api.errors import invalid, not_found
from runfold_consumers.api.live import Hubs
from runfold_consumers.api.stating import Speaker
from runfold_consumers.api.waiting import Wakers, Want, folded
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas.limits import WAIT_SECONDS_MAX
from runfold_schemas.watermark import Watermark, merge, parse

Workspace = Annotated[str, Path(description="Name of the workspace.", examples=["team-a"])]
RunId = Annotated[str, Path(description="Id of the run, percent-encoded.", max_length=1024)]
Name = Annotated[str, Path(description="Its name, percent-encoded.", max_length=1024)]


class Services(NamedTuple):
    """What lives as long as the application."""

    database: Database
    wakers: Wakers
    objects: Objects
    hubs: Hubs
    speaker: Speaker
    zips: Zips


class Reading(NamedTuple):
    """The read of one request: how far it must have been folded, and until when to wait for that."""

    services: Services
    workspace: str
    want: Want

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """Waits, then opens the snapshot to read in. Raises ApiError 503 `not_yet` at the deadline."""
        return folded(self.services.database, self.services.wakers, self.workspace, self.want)

    def at(self, as_of: str | None) -> Reading:
        """The same, and what `as_of` names must have been folded, too. Raises ApiError 400 where it names no moment."""
        needed = watermark_of(as_of)
        return self._replace(want=self.want._replace(watermark=merge(self.want.watermark, needed))) if needed else self


async def services(request: Request) -> Services:  # as all dependencies: a plain function would run in a thread
    """Dependency: the services of the application."""
    return cast(Services, request.app.state.services)


def wanted(text: str | None, wait_s: float) -> Want:
    """What a watermark's text and a wait ask for. Raises ApiError 400 where the text is no watermark."""
    try:
        watermark = parse(text) if text else Watermark()
    except ValueError as error:
        raise invalid(f"not_before: {error}") from None
    return Want(watermark, time.monotonic() + wait_s)


async def reading(
    workspace: Workspace,
    served_by: Annotated[Services, Depends(services)],
    not_before: Annotated[
        str | None, Query(description="Watermark: wait until this is folded. A large one goes to POST /wait.")
    ] = None,
    wait_s: Annotated[
        float, Query(ge=0, le=WAIT_SECONDS_MAX, allow_inf_nan=False, description="Seconds to wait at most.")
    ] = 10.0,
) -> Reading:
    """Dependency: the read that a request asks for."""
    return Reading(served_by, workspace, wanted(not_before, wait_s))


Read = Annotated[Reading, Depends(reading)]


async def known_run(snapshot: Snapshot, run_id: str) -> None:
    """Raises ApiError 404 where the workspace has no such run."""
    if not await snapshot.rows("run_exists", {"run_id": run_id}):
        raise not_found("run", run_id, f"workspace {snapshot.workspace}")


async def opened(read: Read) -> AsyncIterator[Snapshot]:
    """Dependency: the snapshot that a request reads in, kept until its answer is sent: for streamed answers."""
    async with read.snapshot() as snapshot:
        yield snapshot


async def kept() -> AsyncIterator[AsyncExitStack]:
    """Dependency: what is entered here is left when the answer was sent, or the client is gone."""
    async with AsyncExitStack() as stack:
        yield stack


Kept = Annotated[AsyncExitStack, Depends(kept)]
Opened = Annotated[Snapshot, Depends(opened)]
Served = Annotated[Services, Depends(services)]
