"""Runs: listing and one by id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from runfold_consumers.api import answers, filters
from runfold_consumers.api.database import Row, Snapshot
from runfold_consumers.api.errors import documented, not_found
from runfold_consumers.api.paging import Cursor, Limit, cursor_of, place_of
from runfold_consumers.api.services import Read, RunId
from runfold_consumers.fold.completeness import LaneState, completeness

routes = APIRouter(prefix="/v1/workspaces/{workspace}/runs", tags=["runs"], responses=documented())

Text = Annotated[str | None, Query(max_length=4096)]
_FILTER = (
    'JSON: "key" (whatever its value), or {"key": value, ...}: all must match, null asks for a key without a value.'
)


@routes.get("", summary="Runs, newest first")
async def runs(
    read: Read,
    experiment: Annotated[Text, Query(description="Name of the experiment.")] = None,
    type: Annotated[
        Text, Query(description="Run type, or the property azureml.runsource; below a parent the run type alone.")
    ] = None,
    status: Annotated[Text, Query(description="Status, such as Completed.")] = None,
    parent: Annotated[Text, Query(description="Run id: only its children.")] = None,
    recursive: Annotated[bool, Query(description="With parent: children of children too.")] = False,
    include_children: Annotated[bool, Query(description="Without parent: not only top-level runs.")] = False,
    tags: Annotated[str | None, Query(max_length=16384, description=_FILTER, examples=['{"lr": "0.1"}'])] = None,
    properties: Annotated[str | None, Query(max_length=16384, description=_FILTER)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> answers.RunsAnswer:
    """A page of the runs that match all filters, by creation time descending, then run id."""
    tag, prop = filters.parse("tags", tags), filters.parse("properties", properties)
    after_time, after_id = place_of(cursor, datetime, str)
    wanted = {
        "experiment": experiment,
        "type": type,
        "status": status,
        "parent": parent,
        "recursive": recursive,
        "include_children": include_children,
        "tag_keys": tag.keys,
        "tag_values": tag.values,
        "tag_any": tag.any_value,
        "property_keys": prop.keys,
        "property_values": prop.values,
        "property_any": prop.any_value,
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


@routes.get("/{run_id}", summary="One run", responses=documented(404))
async def run(read: Read, run_id: RunId) -> answers.RunAnswer:
    """All that is known of a run, and whether all that was said about it has arrived."""
    async with read.snapshot() as snapshot:
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
        state = LaneState(
            lane["stream"], lane["writer_id"], _ranges(lane["seen"]), _ranges(lane["declared"]), lane["closed"]
        )
        lanes.setdefault(lane["run_id"], []).append(state)
    for row in rows:
        judged = completeness(lanes.get(row["run_id"], ()))
        row["complete"] = judged.complete
        for field, of_lanes in (("missing", judged.missing), ("declared", judged.declared)):
            row[field] = [
                {"stream": s, "writer_id": w, "ranges": [(first, end - 1) for first, end in ranges]}
                for s, w, ranges in of_lanes
            ]
    return rows


def _ranges(multirange: Any) -> tuple[tuple[int, int], ...]:
    """Half-open ranges, as the fold takes them and Postgres keeps them."""
    return tuple((part.lower, part.upper) for part in multirange)
