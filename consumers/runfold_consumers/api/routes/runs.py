"""Runs: listing and one by id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from runfold_consumers.api import answers, filters
from runfold_consumers.api.as_of import AsOf
from runfold_consumers.api.database import Row, Snapshot
from runfold_consumers.api.documents import document
from runfold_consumers.api.errors import documented, not_found
from runfold_consumers.api.lanes import state_of
from runfold_consumers.api.paging import Cursor, Limit, cursor_of, place_of
from runfold_consumers.api.past import standing_at
from runfold_consumers.api.services import Read, RunId
from runfold_consumers.fold.completeness import LaneState, completeness
from runfold_schemas.statuses import NOT_STARTED, TERMINAL

routes = APIRouter(prefix="/v1/workspaces/{workspace}/runs", tags=["runs"], responses=documented())

Text = Annotated[str | None, Query(max_length=4096)]


@routes.get("", summary="Runs, newest first")
async def runs(
    read: Read,
    experiment: Annotated[Text, Query(description="Name of the experiment.")] = None,
    type: Annotated[
        Text,
        Query(description="Run type; of an experiment's runs without a parent, or the property azureml.runsource."),
    ] = None,
    status: Annotated[Text, Query(description="Status, such as Completed.")] = None,
    target: Annotated[Text, Query(description="Name of the compute target.")] = None,
    parent: Annotated[Text, Query(description="Run id: only its children.")] = None,
    recursive: Annotated[bool, Query(description="With parent: children of children too.")] = False,
    include_children: Annotated[bool, Query(description="Without parent: not only top-level runs.")] = False,
    tags: Annotated[str | None, Query(max_length=16384, description=filters.ABOUT, examples=['{"lr": "0.1"}'])] = None,
    properties: Annotated[str | None, Query(max_length=16384, description=filters.ABOUT)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> answers.RunsAnswer:
    """A page of the runs that match all filters, by creation time descending, then run id."""
    after_time, after_id = place_of(cursor, datetime, str)
    wanted = {
        "experiment": experiment,
        "type": type,
        "status": status,
        "open": status is not None and status != NOT_STARTED and status not in TERMINAL,
        "target": target,
        "parent": parent,
        "recursive": recursive,
        "include_children": include_children,
        **filters.parse("tags", tags).parameters("tag"),
        **filters.parse("properties", properties).parameters("property"),
        "after_time": after_time,
        "after_id": after_id,
        "limit": limit + 1,
    }
    async with read.snapshot() as snapshot:
        found = await snapshot.rows("runs_found", wanted)
        page = found[:limit]
        shown = await _shown(snapshot, [row["run_id"] for row in page])
        watermark = await snapshot.watermark()
    next_cursor = cursor_of(page[-1]["created_at"], page[-1]["run_id"]) if len(found) > limit else None
    return answers.RunsAnswer(
        runs=[answers.Run(**run) for run in shown], next_cursor=next_cursor, n=len(shown), watermark=watermark
    )


@routes.get("/{run_id}", summary="One run", responses=documented(404, 413))
async def run(read: Read, run_id: RunId, as_of: AsOf = None) -> answers.RunAnswer:
    """All that is known of a run, and whether all that was said about it has arrived; or all that was at a moment."""
    async with standing_at(read, run_id, as_of) as snapshot:
        shown = await _shown(snapshot, [run_id])
        watermark = await snapshot.watermark()
    if not shown:
        raise not_found("run", run_id, f"workspace {read.workspace}")
    return answers.RunAnswer(**shown[0], watermark=watermark)


async def _shown(snapshot: Snapshot, run_ids: Sequence[str]) -> list[Row]:
    """Fields of Run for these ids, in their order: two statements however many runs there are."""
    if not run_ids:
        return []
    rows = await snapshot.rows("runs", {"run_ids": run_ids})
    lanes: dict[str, list[LaneState]] = {}
    for lane in await snapshot.rows("lanes", {"run_ids": run_ids}):
        lanes.setdefault(lane["run_id"], []).append(state_of(lane))
    for row in rows:
        if row["definition"] is not None:
            row["definition"] = document(row["definition"])
        for link in row["datasets"]:
            link["definition"] = document(link["definition"])
        judged = completeness(lanes.get(row["run_id"], ()))
        row["complete"] = judged.complete
        for field, of_lanes in (("missing", judged.missing), ("declared", judged.declared)):
            row[field] = [
                {"stream": s, "writer_id": w, "ranges": [(first, end - 1) for first, end in of_lane]}
                for s, w, of_lane in of_lanes
            ]
    return rows
