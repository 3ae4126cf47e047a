"""What a page shows of a run beside its series: the beginning of a file, chart documents, tables."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool

from runfold_consumers.api.answers import Answer
from runfold_consumers.api.as_of import AsOf, positions_of, watermark_at
from runfold_consumers.api.errors import ApiError, documented, invalid, not_found
from runfold_consumers.api.paging import Cursor, cursor_of, place_of
from runfold_consumers.api.past import existed, standing_at
from runfold_consumers.api.previews.documents import (
    Chart,
    ChartOf,
    ChartsAnswer,
    ChartType,
    bodies,
    documents,
    odd_as_text,
)
from runfold_consumers.api.previews.showing import PREVIEW_BYTES_MAX, SHOWN, SIZE_HEADER, shown
from runfold_consumers.api.previews.sniffing import HEAD_BYTES
from runfold_consumers.api.previews.tables import table
from runfold_consumers.api.series.asking import Ask
from runfold_consumers.api.series.gathering import PORTION_POINTS_MAX, planned, portions, read
from runfold_consumers.api.services import Read, RunId, known_run
from runfold_consumers.api.store import of_store

CHARTS_MAX = 100
TABLE_ROWS_MAX = 10_000

routes = APIRouter(prefix="/v1/workspaces/{workspace}/runs/{run_id}", responses=documented(404))
Attempt = Annotated[int | None, Query(ge=0, lt=1 << 31, description="Of this attempt; else of all.")]


@routes.get(
    "/artifacts/preview",
    summary="Beginning of an artifact",
    tags=["artifacts"],
    response_class=Response,
    responses={**SHOWN, **documented(404, 409, 413, 416)},
)
async def preview(
    reading: Read,
    run_id: RunId,
    path: Annotated[str, Query(max_length=4096, description="Path of the artifact.")],
    attempt: Annotated[int | None, Query(ge=0, lt=1 << 31, description="Of this attempt; else of the latest.")] = None,
    first: Annotated[int, Query(ge=0, lt=1 << 63, description="The first byte, counted from 0.")] = 0,
    limit: Annotated[int, Query(ge=1, le=PREVIEW_BYTES_MAX, description="Bytes at most.")] = PREVIEW_BYTES_MAX,
    as_of: AsOf = None,
) -> Response:
    """At most 4 MiB of a file, for looking at. All of it, of any size, comes by the signed address of `content`."""
    async with standing_at(reading, run_id, as_of, points=False) as snapshot:
        await known_run(snapshot, run_id)
        rows = await snapshot.rows("artifact", {"run_id": run_id, "path": path, "attempt": attempt})
        watermark = await snapshot.watermark()
    if not rows:
        raise not_found("artifact", path, f"run {run_id}")
    row = rows[0]
    size = row["size"]
    if first >= size and (size or first):
        raise ApiError(
            416, "out_of_range", f"first={first} lies behind the end of {size} bytes", headers={
                SIZE_HEADER: str(size), "Content-Range": f"bytes */{size}",
            },
        )  # fmt: skip
    if row["availability"] == "mismatched":
        raise ApiError(409, "mismatched", f"the bytes stored for {path!r} are not those that were logged")
    objects = reading.services.objects

    async def stored(start: int, most: int) -> bytes | None:
        return await of_store(lambda: objects.read_range(reading.workspace, run_id, row["sha256"], start, most))

    body = await stored(first, min(limit, size - first)) if size else b""
    if body is None:
        raise ApiError(
            404, "not_stored", f"the bytes of {path!r} are not stored ({row['availability']})",
            availability=row["availability"],
        )  # fmt: skip
    head = body[:HEAD_BYTES] if not first else await stored(0, min(HEAD_BYTES, size)) or b""
    if len(body) == size and hashlib.sha256(body).hexdigest() != row["sha256"]:
        raise ApiError(409, "mismatched", f"the bytes stored for {path!r} are not those that were logged")
    return shown(body, size, watermark, path, row["media_type"], first, head)


@routes.get("/charts", summary="Images and chart documents", tags=["metrics"])
async def charts(
    reading: Read,
    run_id: RunId,
    metric: Annotated[str | None, Query(max_length=1024, description="Only of this name.")] = None,
    type: Annotated[ChartType | None, Query(description="Only of this type.")] = None,
    attempt: Attempt = None,
    as_of: AsOf = None,
    with_documents: Annotated[bool, Query(description="Whether documents come along, at most 8 MiB of them.")] = True,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=CHARTS_MAX, description="Charts of a page.")] = CHARTS_MAX,
) -> ChartsAnswer:
    """A page of images and chart documents by metric, each metric's in the order in which they were logged."""
    after_metric, after_place = place_of(cursor, str, int)
    asked = {"run_id": run_id, "metric": metric, "type": type, "attempt": attempt}
    page = {"after_metric": after_metric, "after_place": after_place, "limit": limit + 1}
    async with standing_at(reading, run_id, as_of, points=False) as snapshot:
        await known_run(snapshot, run_id)
        rows = await snapshot.rows("charts", {**asked, **page})
        metrics = await snapshot.rows("chart_metrics", asked)
        more, rows = len(rows) > limit, rows[:limit]
        inline = await bodies(snapshot, run_id, rows) if with_documents else {}
        watermark = await snapshot.watermark()
    told: list[tuple[Any, str | None]] = [(None, None)] * len(rows)
    if with_documents:
        told = await documents(reading.services.objects, reading.workspace, run_id, rows, inline)
    return ChartsAnswer(
        charts=[Chart(**row, document=document, left=left) for row, (document, left) in zip(rows, told, strict=True)],
        metrics=[ChartOf(**each) for each in metrics],
        n=len(rows),
        of=sum(each["charts"] for each in metrics),
        next_cursor=cursor_of(rows[-1]["metric"], rows[-1]["place"]) if more else None,
        watermark=watermark,
    )


class TableAnswer(Answer):
    """Some rows of a table."""

    name: str
    columns: list[str] = Field(description="In the order of their first cells.")
    rows: list[list[Any]] = Field(
        description="Cells by column, null where a row has none; NaN and infinities as texts, big integers as numbers."
    )
    first: int = Field(description="Number of the first of these rows, from 0.")
    n: int = Field(description="How many stand here ...")
    of: int = Field(description="... of so many.")


@routes.get("/tables", summary="Rows of a table", tags=["metrics"])
async def tables(
    reading: Read,
    run_id: RunId,
    name: Annotated[str, Query(min_length=1, max_length=1024, description="Of the metric.")],
    rank: Annotated[int | None, Query(ge=0, lt=1 << 31, description="Only what this rank logged.")] = None,
    attempt: Attempt = None,
    as_of: AsOf = None,
    first: Annotated[int, Query(ge=0, lt=1 << 31, description="Number of the first row, from 0.")] = 0,
    limit: Annotated[int, Query(ge=1, le=TABLE_ROWS_MAX, description="Rows at most; fewer of wide ones.")] = 1000,
) -> TableAnswer:
    """Rows of what `log_row` and `log_table` logged under a name, as `get_metrics` reads them."""
    try:
        ask = Ask(run_id=[run_id], metric=[name], rank=rank, attempt="all" if attempt is None else attempt)
    except ValidationError as error:
        raise invalid(f"run or name: {error.errors()[0]['msg']}") from None
    async with reading.at(as_of).snapshot() as snapshot:
        until = None if as_of is None else await positions_of(snapshot, as_of)
        if until is not None:
            await existed(snapshot, run_id, until)
        plan = await planned(snapshot, ask)
        if plan.points > PORTION_POINTS_MAX:
            raise invalid(
                f"the table {name!r} has {plan.points:,} cells, at most {PORTION_POINTS_MAX:,} are told as rows; take "
                "it by column from /series as Arrow"
            )
        (portion,) = portions(plan, ask)
        (run,) = await read(snapshot, plan, portion, until, whole_clocks=True)
        watermark = await (snapshot.watermark() if until is None else watermark_at(snapshot, until, as_of))
    allowed = {
        place for place, lane in enumerate(run.lanes) if rank in (None, lane.rank) and attempt in (None, lane.attempt)
    }
    found = await run_in_threadpool(table, name, run.slots, first, limit, allowed)
    rows = await run_in_threadpool(odd_as_text, found.rows)
    return TableAnswer(
        name=name, columns=found.columns, rows=rows, first=first, n=len(rows), of=found.of, watermark=watermark
    )
