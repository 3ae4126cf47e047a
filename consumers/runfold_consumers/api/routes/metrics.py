"""Metrics of a run, and of the runs below it, as the events that carry them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from psycopg.rows import tuple_row

from runfold_consumers.api.answers import moment_text
from runfold_consumers.api.container import MEDIA_TYPE, ContainerWriter
from runfold_consumers.api.database import Snapshot, statement
from runfold_consumers.api.errors import documented, not_found
from runfold_consumers.api.services import Opened, RunId

WATERMARK_HEADER = "Runfold-Watermark"
_ROWS_AT_ONCE = 16  # rows hold at most 900 KiB each
_PIECE_BYTES = 256 * 1024

routes = APIRouter(prefix="/v1/workspaces/{workspace}/runs/{run_id}", tags=["metrics"], responses=documented())


@routes.get(
    "/metrics",
    summary="Metrics",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "An Avro object container file of MetricLogged (JSON has no NaN). Metadata `runfold.runs`: "
            "JSON {run_id: {writers: [...], charts: [...]}}, runs in the order: this one, then by creation.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
            "headers": {
                WATERMARK_HEADER: {"description": "What was folded when this was read.", "schema": {"type": "string"}}
            },
        },
        **documented(404),
    },
)
async def metrics(
    snapshot: Opened,
    run_id: RunId,
    recursive: Annotated[bool, Query(description="All runs below it too.")] = False,
    run_type: Annotated[str | None, Query(max_length=4096, description="Only runs below it of this type.")] = None,
) -> StreamingResponse:
    """All points that were logged, in ordinal order per writer. How they read as values is the client's work."""
    asked = {"run_id": run_id, "recursive": recursive, "run_type": run_type}
    run_ids = [row["run_id"] for row in await snapshot.rows("metric_runs", asked)]
    if not run_ids:
        raise not_found("run", run_id, f"workspace {snapshot.workspace}")
    metadata = json.dumps(await _beside(snapshot, run_ids), separators=(",", ":")).encode()
    headers = {WATERMARK_HEADER: await snapshot.watermark()}
    pieces = _pieces(snapshot, run_ids, ContainerWriter({"runfold.runs": metadata}))
    return StreamingResponse(pieces, media_type=MEDIA_TYPE, headers=headers)


async def _beside(snapshot: Snapshot, run_ids: Sequence[str]) -> dict[str, Any]:
    """Writers and charts of each run."""
    beside: dict[str, Any] = {run_id: {"writers": [], "charts": []} for run_id in run_ids}
    for writer in await snapshot.rows("metric_writers", {"run_ids": run_ids}):
        beside[writer.pop("run_id")]["writers"].append(writer)
    for chart in await snapshot.rows("metric_charts", {"run_ids": run_ids}):
        chart["occurred_at"] = moment_text(chart["occurred_at"])
        beside[chart.pop("run_id")]["charts"].append(chart)
    return beside


async def _pieces(snapshot: Snapshot, run_ids: Sequence[str], container: ContainerWriter) -> AsyncIterator[bytes]:
    """The file in pieces of some size, read from Postgres as fast as the client takes them."""
    async with snapshot.connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        piece = bytearray(container.head())
        parameters = {"workspace": snapshot.workspace, "run_ids": run_ids}
        async for (message,) in cursor.stream(statement("metric_points"), parameters, size=_ROWS_AT_ONCE):
            piece += container.block(message)
            if len(piece) >= _PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
                await asyncio.sleep(0)  # other requests come in between
        yield bytes(piece)
