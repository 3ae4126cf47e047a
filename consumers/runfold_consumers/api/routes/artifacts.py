"""Artifacts of a run: what there is, and signed addresses for the bytes. The bytes never pass through the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from runfold_consumers.api import answers
from runfold_consumers.api.as_of import AsOf
from runfold_consumers.api.errors import documented, not_found
from runfold_consumers.api.paging import Cursor, Limit, cursor_of, place_of
from runfold_consumers.api.past import standing_at
from runfold_consumers.api.services import Read, RunId, known_run

routes = APIRouter(
    prefix="/v1/workspaces/{workspace}/runs/{run_id}", tags=["artifacts"], responses=documented(404, 413)
)


@routes.get("/artifacts", summary="Artifacts")
async def artifacts(
    read: Read,
    run_id: RunId,
    prefix: Annotated[str, Query(max_length=1024, description="Start of the path; empty for all.")] = "",
    signed: Annotated[bool, Query(description="Whether each comes with an address for its bytes.")] = False,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 1000,
) -> answers.ArtifactsAnswer:
    """A page of the run's artifacts by path, then attempt."""
    path, attempt = place_of(cursor, str, int)
    place = {"after_path": path, "after_attempt": attempt, "limit": limit + 1}
    async with standing_at(read, run_id, as_of, points=False) as snapshot:
        await known_run(snapshot, run_id)
        rows = await snapshot.rows("artifacts", {"run_id": run_id, "prefix": prefix, **place})
        watermark = await snapshot.watermark()
    more, rows = len(rows) > limit, rows[:limit]
    objects = read.services.objects
    return answers.ArtifactsAnswer(
        artifacts=[
            answers.Artifact(url=objects.get_url(read.workspace, run_id, row["sha256"]) if signed else None, **row)
            for row in rows
        ],
        next_cursor=cursor_of(rows[-1]["path"], rows[-1]["attempt"]) if more else None,
        watermark=watermark,
    )


@routes.get("/artifacts/content", summary="Where an artifact's bytes are")
async def content(
    read: Read,
    run_id: RunId,
    path: Annotated[str, Query(max_length=4096, description="Path of the artifact.")],
    attempt: Annotated[int | None, Query(ge=0, lt=1 << 31, description="Of this attempt; else of the latest.")] = None,
    as_of: AsOf = None,
) -> answers.ContentAnswer:
    """A signed address, good for a while. Compare what it gives with `sha256`."""
    async with standing_at(read, run_id, as_of, points=False) as snapshot:
        await known_run(snapshot, run_id)
        rows = await snapshot.rows("artifact", {"run_id": run_id, "path": path, "attempt": attempt})
        watermark = await snapshot.watermark()
    if not rows:
        raise not_found("artifact", path, f"run {run_id}")
    return answers.ContentAnswer(
        url=read.services.objects.get_url(read.workspace, run_id, rows[0]["sha256"]), watermark=watermark, **rows[0]
    )
