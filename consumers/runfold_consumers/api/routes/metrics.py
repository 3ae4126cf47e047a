"""Metrics of a run, and of the runs below it, as the events that carry them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from runfold_consumers.api.answers import WATERMARK_HEADER, moment_text
from runfold_consumers.api.as_of import AsOf, Positions, positions_of, watermark_at
from runfold_consumers.api.container import MEDIA_TYPE, ContainerWriter
from runfold_consumers.api.database import Row, Snapshot
from runfold_consumers.api.errors import documented, not_found
from runfold_consumers.api.past import cut_of, existed
from runfold_consumers.api.points import messages
from runfold_consumers.api.services import Kept, Read, RunId
from runfold_consumers.fold.lanes import FACTS

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
    read: Read,
    kept: Kept,
    run_id: RunId,
    recursive: Annotated[bool, Query(description="All runs below it too.")] = False,
    run_type: Annotated[str | None, Query(max_length=4096, description="Only runs below it of this type.")] = None,
    as_of: AsOf = None,
) -> StreamingResponse:
    """All points that were logged, in ordinal order per writer. How they read as values is the client's work."""
    snapshot = await kept.enter_async_context(read.at(as_of).snapshot())
    positions = None if as_of is None else await positions_of(snapshot, as_of)
    if positions is not None:
        await existed(snapshot, run_id, positions)
    asked = {"run_id": run_id, "recursive": recursive, "run_type": run_type, **cut_of(positions)}
    run_ids = [row["run_id"] for row in await snapshot.rows("metric_runs", asked)]
    if not run_ids:
        raise not_found("run", run_id, f"workspace {snapshot.workspace}")
    metadata = json.dumps(await _beside(snapshot, run_ids, positions), separators=(",", ":")).encode()
    watermark = await (snapshot.watermark() if positions is None else watermark_at(snapshot, positions, as_of))
    headers = {WATERMARK_HEADER: watermark}
    pieces = _pieces(snapshot, run_ids, ContainerWriter({"runfold.runs": metadata}), positions)
    return StreamingResponse(pieces, media_type=MEDIA_TYPE, headers=headers)


async def _beside(snapshot: Snapshot, run_ids: Sequence[str], until: Positions | None) -> dict[str, Any]:
    """Writers and charts of each run, as far as they had come."""

    def had_come(row: Row) -> bool:
        place, offset = (FACTS, row.pop("partition")), row.pop("offset")
        return until is None or (offset is not None and offset < until.get(place, 0))

    beside: dict[str, Any] = {run_id: {"writers": [], "charts": []} for run_id in run_ids}
    for writer in filter(had_come, await snapshot.rows("metric_writers", {"run_ids": run_ids})):
        beside[writer.pop("run_id")]["writers"].append(writer)
    for chart in filter(had_come, await snapshot.rows("metric_charts", {"run_ids": run_ids})):
        chart["occurred_at"] = moment_text(chart["occurred_at"])
        beside[chart.pop("run_id")]["charts"].append(chart)
    return beside


async def _pieces(
    snapshot: Snapshot, run_ids: Sequence[str], container: ContainerWriter, until: Positions | None
) -> AsyncIterator[bytes]:
    """The file in pieces of some size, read from Postgres as fast as the client takes them."""
    piece = bytearray(container.head())
    async for message in messages(snapshot, run_ids, until=until):
        piece += container.block(message)
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
            await asyncio.sleep(0)  # other requests come in between
    yield bytes(piece)
