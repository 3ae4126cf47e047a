"""One dead letter: what it is, and sending it again."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Path, Query, Request
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field

from runfold_consumers.api import answers
from runfold_consumers.api.answers import Moment
from runfold_consumers.api.database import Row, statement
from runfold_consumers.api.errors import ApiError, documented, not_found
from runfold_consumers.api.retrying import readable, send_again
from runfold_consumers.api.routes.workspaces import base64_of
from runfold_consumers.api.services import Read
from runfold_consumers.api.wishes import Reason

SEND_SECONDS_MAX = 10.0

routes = APIRouter(
    prefix="/v1/workspaces/{workspace}/deadletters", tags=["workspaces"], responses=documented(404, 409, 413)
)

Topic = Annotated[str, Path(max_length=512, description="Name of the topic.")]
Partition = Annotated[int, Path(ge=0, lt=1 << 31, description="Of the topic.")]
Offset = Annotated[int, Path(ge=0, lt=1 << 63, description="Of the record, in the partition.")]


class RetryWanted(BaseModel):
    """Why it is sent again."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason | None = None


class RetryAnswer(BaseModel):
    """It was sent again."""

    event: str = Field(description="What the record says.", examples=["TagSet"])
    aggregate_kind: str
    aggregate_id: str
    writer_id: str = Field(description="Who stated that it is retried.")
    retried_at: Moment
    retried_by: str
    not_before: str = Field(description="A read with it sees in the timeline that it was retried.")


@routes.get("/{topic}/{partition}/{offset}", summary="One dead letter")
async def dead_letter(read: Read, topic: Topic, partition: Partition, offset: Offset) -> answers.DeadLetterAnswer:
    """Its bytes, why it was set aside, and who sent it again."""
    row = await _found(read, topic, partition, offset)
    return answers.DeadLetterAnswer(**{**row, "key": base64_of(row["key"]), "value": base64_of(row["value"])})


@routes.post("/{topic}/{partition}/{offset}/retry", summary="Send a dead letter again")
async def retry(
    request: Request,
    read: Read,
    topic: Topic,
    partition: Partition,
    offset: Offset,
    wanted: RetryWanted | None = None,
    again: Annotated[bool, Query(description="Though it was retried before; repeats are dropped.")] = False,
) -> RetryAnswer:
    """The same bytes as a new record, behind a fact that refers to the old one, which stays as it is. Needs `admin`."""
    speaker = read.services.speaker
    speaker.ready()
    row = await _found(read, topic, partition, offset)
    if row["retried_at"] is not None and not again:
        when = answers.moment_text(row["retried_at"])
        message = f"it was sent again by {row['retried_by']} at {when}; `again=true` does so once more"
        raise ApiError(409, "retried", message, retried_at=when, retried_by=row["retried_by"])
    principal = request.state.principal.name
    letter, event = await asyncio.to_thread(readable, speaker.settings, read.workspace, row)
    reason = wanted.reason if wanted else None
    stated = await asyncio.to_thread(send_again, speaker, read.workspace, principal, letter, reason, SEND_SECONDS_MAX)
    at = {"workspace": read.workspace, "topic": topic, "partition": partition, "offset": offset}
    connection = await psycopg.AsyncConnection[Row].connect(
        read.services.database.conninfo, row_factory=dict_row, connect_timeout=3
    )
    async with connection:
        cursor = await connection.execute(statement("dead_letter_retried"), {**at, "principal": principal})
        marked: Any = await cursor.fetchone()
    return RetryAnswer(
        event=event, aggregate_kind=letter.aggregate_kind, aggregate_id=letter.aggregate_id,
        writer_id=stated.writer_id, retried_by=principal,
        retried_at=marked["retried_at"] if marked else datetime.now(timezone.utc),  # the letter may have gone meanwhile
        not_before=str(stated.watermark()),
    )  # fmt: skip


async def _found(read: Read, topic: str, partition: int, offset: int) -> dict[str, Any]:
    async with read.snapshot() as snapshot:
        rows = await snapshot.rows("dead_letter", {"topic": topic, "partition": partition, "offset": offset})
        watermark = await snapshot.watermark()
    if not rows:
        raise not_found("dead letter", f"{topic}/{partition}/{offset}", f"workspace {read.workspace}")
    return {**rows[0], "watermark": watermark}
