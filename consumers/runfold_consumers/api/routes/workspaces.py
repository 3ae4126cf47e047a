"""A workspace: how far it is folded, waiting for that, its experiments, and what went wrong."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from runfold_consumers.api import answers, filters
from runfold_consumers.api.errors import documented, not_found
from runfold_consumers.api.paging import PAGE_BYTES_MAX, Cursor, Limit, cursor_of, place_of
from runfold_consumers.api.services import Read, Reading, Served, Workspace, wanted

SILENT_SECONDS_MAX = 10.0  # a projector that reports nothing for longer counts as behind

routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["workspaces"], responses=documented())


@routes.get("", summary="A workspace")
async def workspace(read: Read) -> answers.WorkspaceAnswer:
    """Its name and how far it is folded. With `not_before` it answers once that is folded."""
    async with read.snapshot() as snapshot:
        return answers.WorkspaceAnswer(workspace=read.workspace, watermark=await snapshot.watermark())


@routes.post("/wait", summary="Wait for a watermark", status_code=204, responses=documented(408, 413))
async def wait(workspace: Workspace, served_by: Served, what: answers.Waited) -> Response:
    """Answers 204 once all of it is folded; for watermarks that are too large for a URL. Needs the scope `read`."""
    async with Reading(served_by, workspace, wanted(what.not_before, what.wait_s)).snapshot():
        return Response(status_code=204)


@routes.get("/lag", summary="How far the projectors are behind")
async def lag(read: Read) -> answers.LagAnswer:
    """Per projector, topic and partition. Ends of the log are those that the projectors saw last."""
    async with read.snapshot() as snapshot:
        rows = await snapshot.rows("lag", {"silent_s": SILENT_SECONDS_MAX})
        return answers.LagAnswer(lag=[answers.Lag(**row) for row in rows], watermark=await snapshot.watermark())


@routes.get("/experiments", summary="Experiments")
async def experiments(
    read: Read,
    view: Annotated[Literal["active", "archived", "all"], Query(description="Which of them.")] = "active",
    name: Annotated[str | None, Query(max_length=1024, description="Only the one of this name.")] = None,
    tags: Annotated[str | None, Query(max_length=16384, description=filters.ABOUT)] = None,
    cursor: Cursor = None,
    limit: Limit = 1000,
) -> answers.ExperimentsAnswer:
    """A page of the workspace's experiments by name. Deleted ones are in no view; their runs stay."""
    archived = {"active": False, "archived": True, "all": None}[view]
    (after,) = place_of(cursor, str)
    wanted = {"experiment": name, "archived": archived, "include_deleted": False, "after": after, "limit": limit + 1}
    return await _experiments(read, {**wanted, **filters.parse("tags", tags).parameters("tag")})


@routes.get("/experiments/{experiment}", summary="One experiment", responses=documented(404))
async def experiment(
    read: Read, experiment: Annotated[str, Path(max_length=1024, description="Name of the experiment.")]
) -> answers.ExperimentsAnswer:
    """The experiment of that name, archived or deleted too, as a list of one."""
    wanted = {"experiment": experiment, "archived": None, "include_deleted": True, "after": None, "limit": 2}
    found = await _experiments(read, {**wanted, **filters.parse("tags", None).parameters("tag")})
    if not found.experiments:
        raise not_found("experiment", experiment, f"workspace {read.workspace}")
    return found


async def _experiments(read: Reading, asked: Mapping[str, Any]) -> answers.ExperimentsAnswer:
    async with read.snapshot() as snapshot:
        rows = await snapshot.rows("experiments", asked)
        watermark = await snapshot.watermark()
    found = [answers.Experiment(**row) for row in rows[: asked["limit"] - 1]]
    next_cursor = cursor_of(found[-1].name) if len(rows) > len(found) else None
    return answers.ExperimentsAnswer(experiments=found, next_cursor=next_cursor, watermark=watermark)


@routes.get("/deadletters", summary="Dead letters")
async def dead_letters(read: Read, cursor: Cursor = None, limit: Limit = 100) -> answers.DeadLettersAnswer:
    """Records that could not be folded, newest first, with their bytes."""
    at, topic, partition, offset = place_of(cursor, datetime, str, int, int)
    place = {"before_time": at, "before_topic": topic, "before_partition": partition, "before_offset": offset}
    async with read.snapshot() as snapshot:
        rows = await snapshot.rows("dead_letters", {**place, "limit": limit + 1, "bytes_max": PAGE_BYTES_MAX})
        watermark = await snapshot.watermark()
    more = [row.pop("more") for row in rows][-1:] == [True]
    for row in rows:
        row["key"], row["value"] = base64_of(row["key"]), base64_of(row["value"])
    last = rows[-1] if rows else {}
    place_of_last = [last[field] for field in ("recorded_at", "topic", "partition", "offset")] if more else []
    return answers.DeadLettersAnswer(
        dead_letters=[answers.DeadLetter(**row) for row in rows],
        next_cursor=cursor_of(*place_of_last) if more else None,
        watermark=watermark,
    )


def base64_of(data: bytes | None) -> str | None:
    """Bytes as answers carry them."""
    return None if data is None else base64.b64encode(data).decode()
