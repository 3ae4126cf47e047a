"""The metrics of a run in a line each, a thousand and more of them: found by prefix or regular expression, in pages."""

from __future__ import annotations

from typing import Annotated

import psycopg
from fastapi import APIRouter, Query

from runfold_consumers.api.as_of import AsOf, Positions, positions_of, watermark_at
from runfold_consumers.api.database import STATEMENT_SECONDS_MAX, Row, Snapshot
from runfold_consumers.api.errors import documented, invalid
from runfold_consumers.api.paging import Cursor, Limit, cursor_of, place_of
from runfold_consumers.api.past import existed
from runfold_consumers.api.points import series_columns
from runfold_consumers.api.series.gathering import lanes_of
from runfold_consumers.api.series.summarising import MetricSummariesAnswer, MetricSummary, of_points, of_row
from runfold_consumers.api.services import Read, RunId, known_run

REGEX_SECONDS_MAX = 2
_EVERYTHING = 1 << 31

routes = APIRouter(prefix="/v1/workspaces/{workspace}/runs/{run_id}", tags=["metrics"], responses=documented(404))


@routes.get("/metrics/summary", summary="Metrics in a line each")
async def summary(
    read: Read,
    run_id: RunId,
    prefix: Annotated[str, Query(max_length=1024, description="Start of the name; empty for all.")] = "",
    regex: Annotated[
        str | None,
        Query(max_length=256, description="What the name must match somewhere: a regular expression of PostgreSQL's."),
    ] = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 1000,
) -> MetricSummariesAnswer:
    """A page of the metrics of a run by name, then column: how many points, between which values, and the last one."""
    name, column, has = place_of(cursor, str, str, int)
    place = (name, has, column)
    asked = {"run_id": run_id, "prefix": prefix, "regex": regex}
    async with read.at(as_of).snapshot() as snapshot:
        await known_run(snapshot, run_id)
        if as_of is None:
            page = {"after_name": name, "after_has": has, "after_column": column, "limit": limit + 1}
            rows = await _found(snapshot, {**asked, **page})
            metrics, more = [of_row(row) for row in rows[:limit]], len(rows) > limit
            of = rows[0]["of"] if rows else 0
            if not rows and name is not None:  # beyond the last: `of` stands on no row
                first = await _found(snapshot, {**asked, **dict.fromkeys(page), "limit": 1})
                of = first[0]["of"] if first else 0
            watermark = await snapshot.watermark()
        else:
            until = await positions_of(snapshot, as_of)
            await existed(snapshot, run_id, until)
            all_of_them = await _then(snapshot, run_id, asked, until)
            after = [metric for metric in all_of_them if name is None or _place(metric) > place]
            metrics, more, of = after[:limit], len(after) > limit, len(all_of_them)
            watermark = await watermark_at(snapshot, until, as_of)
    return MetricSummariesAnswer(
        metrics=metrics,
        n=len(metrics),
        of=of,
        next_cursor=_cursor(metrics[-1]) if more else None,
        watermark=watermark,
    )


def _place(metric: MetricSummary) -> tuple[str, int, str]:
    return (metric.name, int(metric.column is not None), metric.column or "")


def _cursor(metric: MetricSummary) -> str:
    return cursor_of(metric.name, metric.column or "", int(metric.column is not None))


async def _found(snapshot: Snapshot, asked: Row) -> list[Row]:
    """Rows of the statement; a regular expression that takes long is given up."""
    if asked["regex"] is None:
        return await snapshot.rows("metric_summaries", asked)
    try:
        await snapshot.connection.execute(f"SET LOCAL statement_timeout = '{REGEX_SECONDS_MAX}s'".encode())
        rows = await snapshot.rows("metric_summaries", asked)
        await snapshot.connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS_MAX}s'".encode())
    except psycopg.errors.InvalidRegularExpression as error:
        raise invalid(f"regex {asked['regex']!r}: {error.diag.message_primary}") from error
    except psycopg.errors.QueryCanceled as error:
        message = f"regex {asked['regex']!r} took longer than {REGEX_SECONDS_MAX} s; send a simpler one, or a prefix"
        raise invalid(message) from error
    return rows


async def _then(snapshot: Snapshot, run_id: str, asked: Row, until: Positions) -> list[MetricSummary]:
    """The metrics that there were, worked out from the points that had come by then."""
    rows = await _found(
        snapshot, {**asked, "after_name": None, "after_has": None, "after_column": None, "limit": _EVERYTHING}
    )
    wanted = {(row["name"], row["column"]) for row in rows}
    columns = [each async for each in series_columns(snapshot, [run_id], wanted, until=until)]
    return of_points(columns, (await lanes_of(snapshot, [run_id]))[run_id])
