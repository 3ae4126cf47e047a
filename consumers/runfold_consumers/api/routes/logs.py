"""Logs of a run as text that grows, and whether all that was said about the run has arrived."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from runfold_consumers.api import log_answers
from runfold_consumers.api.as_of import AsOf
from runfold_consumers.api.database import Row
from runfold_consumers.api.errors import documented, not_found
from runfold_consumers.api.lanes import ranges, state_of
from runfold_consumers.api.log_text import Row as LogRow
from runfold_consumers.api.log_text import piece
from runfold_consumers.api.past import standing_at
from runfold_consumers.api.services import Read, RunId, known_run
from runfold_consumers.fold.completeness import OPEN, LaneState, completeness
from runfold_consumers.fold.lanes import Ranges, end, subtract

LOGS_MAX = 20_000  # in a listing: of several thousand ranks, a few each
PIECE_BYTES_MAX = 4 << 20
_ROWS_MAX = 20_000  # looked at for an answer; a writer that is flushed line by line makes small ones
MEDIA_TYPE = "application/octet-stream"
_NUMBER = {"type": "integer"}

routes = APIRouter(prefix="/v1/workspaces/{workspace}/runs/{run_id}", tags=["logs"], responses=documented(404, 413))


@routes.get("/logs", summary="Logs")
async def logs(read: Read, run_id: RunId, as_of: AsOf = None) -> log_answers.LogsAnswer:
    """The run's logs, one entry per name and writer: by name, attempt, rank."""
    async with standing_at(read, run_id, as_of, points=False) as snapshot:
        rows = await snapshot.rows("log_list", {"run_id": run_id, "limit": LOGS_MAX + 1})
        if not rows:
            await known_run(snapshot, run_id)
        watermark = await snapshot.watermark()
    more = len(rows) > LOGS_MAX
    return log_answers.LogsAnswer(logs=[_log(row) for row in rows[:LOGS_MAX]], more=more, watermark=watermark)


@routes.get(
    "/logs/content",
    summary="Text of a log",
    response_class=Response,
    responses={
        200: {
            "description": "Bytes from `first` on, up to `limit`, or up to a hole that may still be filled: no bytes, "
            "and Runfold-Next below Runfold-End, say that those are on their way. What was declared lost is left out.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
            "headers": {
                "Runfold-Next": {"description": "Ordinal to read on from: the next `first`.", "schema": _NUMBER},
                "Runfold-End": {"description": "Ordinal after the last byte that is stored.", "schema": _NUMBER},
                "Runfold-Lost": {"description": "Bytes that were passed over: declared lost.", "schema": _NUMBER},
                "Runfold-Attempt": {"description": "Attempt that the log is of.", "schema": _NUMBER},
                "Runfold-Writer": {"description": "Writer that the log is of.", "schema": {"type": "string"}},
                "Runfold-Watermark": {
                    "description": "What was folded when this was read.",
                    "schema": {"type": "string"},
                },
            },
        }
    },
)
async def content(
    read: Read,
    run_id: RunId,
    name: Annotated[str, Query(max_length=4096, description="Name of the log, such as user_logs/std_log.txt.")],
    attempt: Annotated[int | None, Query(ge=0, lt=1 << 31, description="Of this attempt; else of the latest.")] = None,
    writer_id: Annotated[
        str | None, Query(max_length=64, description="Of this writer; else of the lowest rank that wrote it.")
    ] = None,
    first: Annotated[int, Query(ge=1, lt=1 << 62, description="Ordinal of the first byte, from 1.")] = 1,
    limit: Annotated[int, Query(ge=1, le=PIECE_BYTES_MAX, description="Bytes at most.")] = 1 << 20,
    as_of: AsOf = None,
) -> Response:
    """Bytes of one writer's log of that name. Follow it with first=Runfold-Next and writer_id=Runfold-Writer.

    As of a moment it is cut behind the last byte that had come, and what is on its way is what came later.
    """
    which = {"run_id": run_id, "name": name, "attempt": attempt, "writer_id": writer_id}
    async with standing_at(read, run_id, as_of, points=False) as snapshot:
        found = await snapshot.rows("log_chosen", which)
        if not found:
            await known_run(snapshot, run_id)
            raise not_found("log", name, f"run {run_id}")
        log = found[0]
        asked = {**which, "writer_id": log["writer_id"], "first": first, "limit": limit, "rows": _ROWS_MAX}
        rows = await snapshot.rows("log_rows", asked, binary=True)
        watermark = await snapshot.watermark()
    told = piece([LogRow(**row) for row in rows], first, limit, ranges(log["declared"]))
    headers = {
        "Runfold-Next": told.next,
        "Runfold-End": log["end_ordinal"],
        "Runfold-Lost": told.lost,
        "Runfold-Attempt": log["attempt"],
        "Runfold-Writer": log["writer_id"],
        "Runfold-Watermark": watermark,
    }
    return Response(told.data, media_type=MEDIA_TYPE, headers={name: str(value) for name, value in headers.items()})


@routes.get("/completeness", summary="Whether all has arrived")
async def complete(read: Read, run_id: RunId, as_of: AsOf = None) -> log_answers.CompletenessAnswer:
    """Per writer and stream: what was sent, as far as is known, what of it is stored, declared lost, and missing."""
    async with standing_at(read, run_id, as_of) as snapshot:
        rows = await snapshot.rows("completeness", {"run_id": run_id})
        if not rows:
            await known_run(snapshot, run_id)
        watermark = await snapshot.watermark()
    writers: dict[str, log_answers.WriterCompleteness] = {}
    lanes: list[LaneState] = []
    for row in rows:
        writer = writers.get(row["writer_id"])
        if writer is None:
            of = {field: row[field] for field in log_answers.WriterCompleteness.model_fields if field != "lanes"}
            writer = writers[row["writer_id"]] = log_answers.WriterCompleteness(**of, lanes=[])
        if row["stream"] is not None:
            lane = state_of(row)
            writer.lanes.append(_told(lane))
            if not row["outsider"]:
                lanes.append(lane)
    verdict = completeness(lanes).complete
    return log_answers.CompletenessAnswer(complete=verdict, writers=list(writers.values()), watermark=watermark)


def _log(row: Row) -> log_answers.Log:
    lane = state_of(row)
    complete = completeness([lane]).complete != OPEN
    of = {field: row[field] for field in ("name", "attempt", "writer_id", "rank", "updated_at")}
    return log_answers.Log(**of, bytes=_count(lane.seen), complete=complete)


def _told(lane: LaneState) -> log_answers.LaneCompleteness:
    sent = max(lane.marked, lane.closed or 0, end(lane.seen), end(lane.declared))
    lost = subtract(lane.declared, lane.seen)
    missing = subtract(subtract(((1, sent + 1),), lane.seen), lane.declared) if sent else ()
    return log_answers.LaneCompleteness(
        stream=lane.stream,
        sent=sent,
        stored=_count(lane.seen),
        declared_lost=_count(lost),
        missing=[(first, stop - 1) for first, stop in missing],
    )


def _count(of: Ranges) -> int:
    return sum(stop - first for first, stop in of)
