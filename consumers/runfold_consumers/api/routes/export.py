"""Whole projects in one streaming call: every point, run, event or log of the runs that match, unsampled."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from runfold_consumers.api.answers import WATERMARK_HEADER
from runfold_consumers.api.errors import documented
from runfold_consumers.api.exports.reading import Export, Form, What
from runfold_consumers.api.negotiating import ARROW_STREAM
from runfold_consumers.api.patience import begun, taken
from runfold_consumers.api.search.finding import Question
from runfold_consumers.api.search.language import filter_of
from runfold_consumers.api.services import Kept, Read

_FORMS: dict[str, tuple[str, str]] = {
    "arrow": (ARROW_STREAM, "arrows"),
    "parquet": ("application/vnd.apache.parquet", "parquet"),
    "ndjson": ("application/x-ndjson", "ndjson"),
}

routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["export"])


@routes.get(
    "/export",
    summary="Export",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A file, streamed: Arrow IPC stream, Parquet or NDJSON. It is whole when the last chunk "
            "came (any HTTP client fails otherwise) and, of Arrow and Parquet, when it ends with its marker or footer.",
            "content": {media: {"schema": {"type": "string", "format": "binary"}} for media, _ in _FORMS.values()},
            "headers": {
                WATERMARK_HEADER: {"description": "What was folded when this was read.", "schema": {"type": "string"}}
            },
        },
        **documented(),
    },
)
async def export(
    read: Read,
    kept: Kept,
    what: Annotated[What, Query(description="Of the runs that match.")],
    format: Annotated[Form, Query(description="Of the file.")] = "parquet",
    q: Annotated[str, Query(description="Which runs, in the language of search; empty: all.")] = "",
    experiment: Annotated[str | None, Query(max_length=1024, description="Only its runs.")] = None,
    include_children: Annotated[bool, Query(description="Not only top-level runs.")] = True,
) -> StreamingResponse:
    """Everything that is kept of the runs that match, as of one moment. A few run at a time (503 `busy`).

    It takes as long as the client does; one that takes nothing for ten minutes is cut off.
    """
    question = Question(filter_of(q), include_children, datetime.now(timezone.utc))
    async with read.snapshot():
        pass  # what was waited for is folded, and stays so
    snapshot = await kept.enter_async_context(read.services.database.lasting(read.workspace))
    watermark = await snapshot.watermark()
    metadata = {"runfold.watermark": watermark, "runfold.workspace": read.workspace}
    pieces = Export(snapshot, what, format, question, experiment, metadata).pieces()
    media_type, ending = _FORMS[format]
    headers = {
        WATERMARK_HEADER: watermark,
        "Content-Disposition": f'attachment; filename="{read.workspace}-{what}.{ending}"',
    }
    return StreamingResponse(taken(await begun(pieces)), media_type=media_type, headers=headers)
