"""What happened to a run, in the order of the log; and how facts were decided, about whatever they are."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from runfold_consumers.api import answers
from runfold_consumers.api.database import Row
from runfold_consumers.api.errors import documented, invalid
from runfold_consumers.api.paging import PAGE_BYTES_MAX, Cursor, Limit, cursor_of, place_of
from runfold_consumers.api.services import Read, Reading, RunId
from runfold_schemas import codec
from runfold_schemas.errors import DecodeError

routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["history"], responses=documented())

Kind = Literal["run", "experiment", "model", "dataset", "environment", "datastore", "secret"]
WriterId = Annotated[str | None, Query(max_length=64, description="The writer, 32 hex digits.")]
Ordinal = Annotated[int | None, Query(ge=1, lt=1 << 63, description="Ordinal of one fact, with writer_id.")]


@routes.get("/runs/{run_id}/events", summary="Timeline")
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


@routes.get("/runs/{run_id}/decisions", summary="Decisions about a run")
async def decisions(
    read: Read,
    run_id: RunId,
    writer_id: WriterId = None,
    ordinal: Ordinal = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> answers.DecisionsAnswer:
    """Decisions that were not plainly 'accepted', of one writer where one is named.

    With `writer_id` and `ordinal`: the decision about that fact, whatever it is, or none while it is not folded. A
    client that waits for it names the fact's lane and ordinal in `not_before`.
    """
    return await _decisions(read, "run", run_id, writer_id, ordinal, cursor, limit)


@routes.get("/aggregates/{kind}/{aggregate_id:path}/decisions", summary="Decisions about anything")
async def decisions_about(
    read: Read,
    kind: Annotated[Kind, Path(description="Of the aggregate.")],
    aggregate_id: Annotated[str, Path(max_length=1024, description="Id of the run, else its name, percent-encoded.")],
    writer_id: WriterId = None,
    ordinal: Ordinal = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> answers.DecisionsAnswer:
    """As decisions about a run. Of a registration, `version` tells which version it is."""
    return await _decisions(read, kind, aggregate_id, writer_id, ordinal, cursor, limit)


async def _decisions(
    read: Reading,
    kind: str,
    aggregate_id: str,
    writer_id: str | None,
    ordinal: int | None,
    cursor: str | None,
    limit: int,
) -> answers.DecisionsAnswer:
    if ordinal is not None and writer_id is None:
        raise invalid("ordinal needs writer_id: ordinals count what one writer says")
    (offset,) = place_of(cursor, int)
    about = {"kind": kind, "id": aggregate_id, "writer_id": writer_id, "ordinal": ordinal}
    async with read.snapshot() as snapshot:
        rows = await snapshot.rows("decisions", {**about, "from_offset": offset or 0, "limit": limit + 1})
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
