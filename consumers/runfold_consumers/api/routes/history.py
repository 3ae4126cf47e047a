"""What happened to a run, in the order of the log, and how it was decided."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query

from runfold_consumers.api import answers
from runfold_consumers.api.database import Row
from runfold_consumers.api.errors import documented, invalid
from runfold_consumers.api.paging import PAGE_BYTES_MAX, Cursor, Limit, cursor_of, place_of
from runfold_consumers.api.services import Read, RunId
from runfold_schemas import codec
from runfold_schemas.errors import DecodeError

routes = APIRouter(prefix="/v1/workspaces/{workspace}/runs/{run_id}", tags=["history"], responses=documented())

WriterId = Annotated[str | None, Query(max_length=64, description="The writer, 32 hex digits.")]


@routes.get("/events", summary="Timeline")
async def events(read: Read, run_id: RunId, cursor: Cursor = None, limit: Limit = 100) -> answers.TimelineAnswer:
    """Facts and claims about the run by offset, with their decisions; points are not facts and stand in the metrics."""
    (offset,) = place_of(cursor, int)
    async with read.snapshot() as snapshot:
        page = {"from_offset": offset or 0, "limit": limit + 1, "bytes_max": PAGE_BYTES_MAX}
        rows = await snapshot.rows("timeline", {"run_id": run_id, **page})
        watermark = await snapshot.watermark()
    following = [row.pop("next_offset") for row in rows]
    for row in rows:
        row["body"] = _body(row.pop("message"))
    return answers.TimelineAnswer(
        timeline=[answers.Happening(**row) for row in rows],
        next_cursor=cursor_of(following[-1]) if following and following[-1] is not None else None,
        watermark=watermark,
    )


@routes.get("/decisions", summary="Decisions")
async def decisions(
    read: Read,
    run_id: RunId,
    writer_id: WriterId = None,
    ordinal: Annotated[int | None, Query(ge=1, lt=1 << 63, description="Ordinal of one fact, with writer_id.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> answers.DecisionsAnswer:
    """Decisions that were not plainly 'accepted', of one writer where one is named.

    With `writer_id` and `ordinal`: the decision about that fact, whatever it is, or none while it is not folded. A
    client that waits for it names the fact's lane and ordinal in `not_before`.
    """
    if ordinal is not None and writer_id is None:
        raise invalid("ordinal needs writer_id: ordinals count what one writer says")
    (offset,) = place_of(cursor, int)
    asked = {"run_id": run_id, "writer_id": writer_id, "from_offset": offset or 0, "limit": limit + 1}
    async with read.snapshot() as snapshot:
        if ordinal is None:
            rows = await snapshot.rows("decisions", asked)
        else:
            rows = await snapshot.rows("decision", {**asked, "ordinal": ordinal})
        watermark = await snapshot.watermark()
    return answers.DecisionsAnswer(
        decisions=[answers.Decision(**row) for row in rows[:limit]],
        next_cursor=_next(rows, limit),
        watermark=watermark,
    )


def _next(rows: list[Row], limit: int) -> str | None:
    return cursor_of(rows[limit]["offset"]) if len(rows) > limit else None


def _body(message: bytes | None) -> dict[str, Any] | None:
    """Fields of a fact as JSON can say them."""
    if message is None:
        return None
    try:
        body = _told(codec.decode(message))
    except DecodeError as error:
        return {"unreadable": str(error)}
    return body if isinstance(body, dict) else {"value": body}


def _told(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": len(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if hasattr(value, "_asdict"):
        return {name: _told(field) for name, field in value._asdict().items()}
    if isinstance(value, dict):
        return {str(name): _told(field) for name, field in value.items()}
    if isinstance(value, (list, tuple)):
        return [_told(item) for item in value]
    return value
