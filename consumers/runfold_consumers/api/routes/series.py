"""Series of metrics, many runs and metrics in one request: JSON or Arrow, whole, folded, sampled or by increments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from runfold_consumers.api.answers import WATERMARK_HEADER
from runfold_consumers.api.arrow import points as arrow
from runfold_consumers.api.arrow.tables import Bytes
from runfold_consumers.api.as_of import positions_of, watermark_at
from runfold_consumers.api.database import Snapshot
from runfold_consumers.api.errors import documented
from runfold_consumers.api.negotiating import ARROW_STREAM, JSON, chosen
from runfold_consumers.api.patience import taken
from runfold_consumers.api.points import Positions
from runfold_consumers.api.series import answering
from runfold_consumers.api.series.asking import Ask
from runfold_consumers.api.series.building import Series, increments_of, series_of
from runfold_consumers.api.series.columns import Lane
from runfold_consumers.api.series.gathering import Plan, new_points, planned, portions, read
from runfold_consumers.api.services import Kept, Read, Reading

GATHERED_POINTS_MAX = 2_000_000  # unsampled answers above this are read while they are sent

routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["metrics"])

Accept = Annotated[str | None, Header(include_in_schema=False)]
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "model": answering.SeriesAnswer,
        "description": "Series by run and metric as asked, column, rank. As an Arrow stream: one row a point, "
        "`value` for numbers and bools, `text` for texts and big integers; the schema's metadata holds "
        "`runfold.watermark`, `runfold.cursor` and `runfold.series` (JSON: what there is of each), that of the last, "
        "empty batch `runfold.n` and `runfold.of`.",
        "content": {ARROW_STREAM: {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            WATERMARK_HEADER: {"description": "What was folded when this was read.", "schema": {"type": "string"}}
        },
    },
    **documented(404, 406),
}


@routes.get("/series", summary="Series", response_class=Response, responses=_ANSWER)
async def series(reading: Read, kept: Kept, ask: Annotated[Ask, Query()], accept: Accept = None) -> Response:
    """Points of metrics of runs: all of them, or by buckets that keep every extreme; by rank, or folded over ranks."""
    return await _answered(reading, kept, ask.checked(), chosen(accept, (JSON, ARROW_STREAM)))


@routes.post("/series", summary="Series, asked for at length", response_class=Response, responses=_ANSWER)
async def series_asked(reading: Read, kept: Kept, ask: Ask, accept: Accept = None) -> Response:
    """As GET, for more runs and metrics than an address holds. It changes nothing."""
    return await _answered(reading, kept, ask.checked(), chosen(accept, (JSON, ARROW_STREAM)))


async def _answered(reading: Reading, kept: AsyncExitStack, ask: Ask, form: str) -> Response:
    async with reading.at(ask.as_of).at(ask.after).snapshot() as snapshot:
        plan = await planned(snapshot, ask)
        unsampled = not ask.buckets and ask.fold == "none" and ask.after is None
        if form == JSON:
            _refuse_early(ask, plan, unsampled)
        until = None if ask.as_of is None else await positions_of(snapshot, ask.as_of)
        since = None if ask.after is None else await positions_of(snapshot, ask.after)
        cursor = watermark = await (snapshot.watermark() if until is None else watermark_at(snapshot, until, ask.as_of))
        streamed = form == ARROW_STREAM and unsampled and plan.points > GATHERED_POINTS_MAX
        gathered = [] if streamed else await _gathered(snapshot, ask, plan, until, since, form)
    if form == JSON:
        body = await run_in_threadpool(answering.body, [told for told, _ in gathered], cursor, watermark)
        return Response(body, media_type=JSON, headers={WATERMARK_HEADER: watermark})
    metadata = {"runfold.watermark": watermark, "runfold.cursor": cursor}
    if streamed:
        lasting = await kept.enter_async_context(reading.services.database.lasting(reading.workspace))
        pieces = taken(_streamed(lasting, ask, metadata))
    else:
        metadata["runfold.series"] = arrow.about([one for one, _ in gathered])
        pieces = _sent(gathered, arrow.PointsWriter("stream", metadata, folded=ask.fold == "ranks"))
    return StreamingResponse(pieces, media_type=ARROW_STREAM, headers={WATERMARK_HEADER: watermark})


def _refuse_early(ask: Ask, plan: Plan, unsampled: bool) -> None:
    """Before anything is read, where it is certain; else `Counted` refuses as soon as it is."""
    whole = unsampled and ask.rank is None and ask.attempt == "all" and ask.from_ is None and ask.to is None
    if whole and ask.as_of is None and plan.points > answering.JSON_POINTS_MAX:
        raise answering.too_many(plan.points, as_json=True)


async def _gathered(
    snapshot: Snapshot, ask: Ask, plan: Plan, until: Positions | None, since: Positions | None, form: str
) -> list[Any]:
    """Per series, by run and metric as asked, what is sent of it: (its JSON, None), or the series and its lanes."""
    counted = answering.Counted(as_json=form == JSON)
    run_place, name_place = ({each: i for i, each in enumerate(of)} for of in (ask.runs, ask.names))

    def made(built: Iterator[Series], lanes: Sequence[Lane]) -> list[Any]:
        told = ((run_place[one.run_id], name_place[one.slot.name], counted.add(one)) for one in built)
        return [(*place, *((answering.told(one), None) if form == JSON else (one, lanes))) for *place, one in told]

    found = []
    for portion in portions(plan, ask):
        if since is None:
            news = [(run, series_of(run, ask)) for run in await read(snapshot, plan, portion, until)]
        else:
            came = await new_points(snapshot, plan, portion, ask, until, since)
            news = [(run, increments_of(run, ask, which)) for run, which in came]
        for run, built in news:
            found += await run_in_threadpool(made, built, run.lanes)
    found.sort(key=lambda each: each[:2])
    return [each[2:] for each in found]


async def _sent(gathered: Sequence[tuple[Series, Sequence[Lane]]], writer: arrow.PointsWriter) -> AsyncIterator[Bytes]:
    n = of = 0
    for one, lanes in gathered:
        for piece in writer.series(one, lanes):
            yield piece
            await asyncio.sleep(0)  # other requests come in between
        n, of = n + len(one.x), of + one.of
    yield writer.end({"runfold.n": str(n), "runfold.of": str(of)})


async def _streamed(snapshot: Snapshot, ask: Ask, metadata: dict[str, str]) -> AsyncIterator[Bytes]:
    """Portion by portion, in a snapshot that may stay as long as the client takes."""
    writer = arrow.PointsWriter("stream", metadata, folded=False)
    n = 0
    plan = await planned(snapshot, ask)
    until = await positions_of(snapshot, metadata["runfold.cursor"])
    for portion in portions(plan, ask):
        for run in await read(snapshot, plan, portion, until):
            for one in await run_in_threadpool(list, series_of(run, ask)):
                n += len(one.x)
                for piece in writer.series(one, run.lanes):
                    yield piece
                    await asyncio.sleep(0)
    yield writer.end({"runfold.n": str(n), "runfold.of": str(n)})
