"""Read-only SQL over the views of schema `analysis`."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from runfold_consumers.api import gate
from runfold_consumers.api.arrow import tables
from runfold_consumers.api.errors import documented
from runfold_consumers.api.negotiating import ARROW_STREAM, JSON, chosen
from runfold_consumers.api.services import Workspace
from runfold_consumers.api.sql import asking, values

routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["sql"])

CSV = "text/csv"
Accept = Annotated[str | None, Header(include_in_schema=False)]


class SqlWanted(BaseModel):
    """A query."""

    query: str = Field(
        min_length=1,
        max_length=100_000,
        pattern="^[^\\x00]+$",
        description="One SELECT, WITH ... SELECT, VALUES or TABLE.",
        examples=["select status, count(*) from runs group by status"],
    )
    limit: int = Field(1000, ge=1, le=asking.ROWS_MAX, description="Rows at most.")


class SqlColumn(BaseModel):
    """A column of the answer."""

    name: str
    type: str = Field(description="As Postgres calls it.", examples=["text"])


class SqlAnswer(BaseModel):
    """Rows of a query."""

    columns: list[SqlColumn]
    rows: list[list[Any]]
    n: int = Field(description="How many rows there are here.")
    truncated: bool = Field(description="There are more: than `limit`, or than 16 MiB hold.")


_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "model": SqlAnswer,
        "description": "The rows. As CSV or Arrow stream by `Accept`; the header Runfold-Truncated then says true or "
        "false.",
        "content": {
            CSV: {"schema": {"type": "string"}},
            ARROW_STREAM: {"schema": {"type": "string", "format": "binary"}},
        },
    },
    **documented(404, 406, 408, 413),
}


@routes.post("/sql", summary="Ask by SQL", response_class=Response, responses=_ANSWER)
async def sql(workspace: Workspace, what: SqlWanted, request: Request, accept: Accept = None) -> Response:
    """Runs one query over the views runs, statuses, tags, properties, metrics, artifacts, experiments, events and
    decisions of the workspace. It sees no other, changes nothing, and ends after RUNFOLD_SQL_SECONDS_MAX. Needs the
    scope `read`. What Postgres refuses is 400 `sql`, with its message, `position` (character, from 0) and `hint`.
    """
    form = chosen(accept, (JSON, CSV, ARROW_STREAM))
    analysts: asking.Analysts = request.app.state.analysts
    found = await analysts.ask(workspace, what.query, what.limit, gate.actor(request.scope))
    body = await run_in_threadpool(_BODIES[form], found)
    media_type = "text/csv; charset=utf-8; header=present" if form == CSV else form
    return Response(body, media_type=media_type, headers={"Runfold-Truncated": str(found.truncated).lower()})


def _json(found: asking.Answer) -> bytes:
    columns = _dumped([{"name": column.name, "type": column.type} for column in found.columns])
    rows = b",".join(_dumped(row) for row in values.of_json(found.columns, found.rows))
    end = _dumped({"n": len(found.rows), "truncated": found.truncated})[1:]
    return b"".join((b'{"columns":', columns, b',"rows":[', rows, b"],", end))


def _dumped(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def _csv(found: asking.Answer) -> bytes:
    return values.of_csv(found.columns, found.rows).encode()


def _arrow(found: asking.Answer) -> bytes:
    columns = values.of_arrow(found.columns, found.rows)
    schema = tables.schema_of([(column.name, column.kind) for column in found.columns])
    writer = tables.TableWriter(schema, "stream", {"runfold.truncated": str(found.truncated).lower()})
    return b"".join((writer.write(columns), writer.end()))


_BODIES = {JSON: _json, CSV: _csv, ARROW_STREAM: _arrow}
