"""What happened to a run, in the order of the log; and how facts were decided, about whatever they are."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Depends, Path, Query

from runfold_consumers.api import answers
from runfold_consumers.api.as_of import AsOf, positions_of, watermark_at
from runfold_consumers.api.database import Row, Snapshot
from runfold_consumers.api.errors import documented, invalid
from runfold_consumers.api.paging import PAGE_BYTES_MAX, Cursor, Limit, cursor_of, place_of
from runfold_consumers.api.past import cut_of, existed
from runfold_consumers.api.services import Read, Reading, RunId
from runfold_schemas import codec
from runfold_schemas.errors import DecodeError
from runfold_schemas.events import EVENTS

routes = APIRouter(prefix="/v1/workspaces/{workspace}", tags=["history"], responses=documented())

Kind = Literal["run", "experiment", "model", "dataset", "environment", "datastore", "secret"]
WriterId = Annotated[str | None, Query(max_length=64, description="The writer, 32 hex digits.")]
AggregateId = Annotated[str, Path(max_length=1024, description="Id of the run, else its name, percent-encoded.")]
RefusedKey = Annotated[
    str | None, Query(max_length=4096, description="Only facts that were refused for this key, such as a property.")
]
Verdict = Literal["accepted", "refused", "repeated", "conflicting"]
_LAST = (1 << 63) - 1


class Choice(NamedTuple):
    """Which facts, and in which order."""

    events: list[str] | None
    verdicts: list[str] | None
    writer_id: str | None
    key: str | None
    newest_first: bool


def choice(
    event: Annotated[
        list[str], Query(max_length=100, description="Only these kinds of event, such as StatusChanged.")
    ] = [],  # noqa: B006
    verdict: Annotated[list[Verdict], Query(max_length=4, description="Only facts decided so.")] = [],  # noqa: B006
    writer_id: WriterId = None,
    key: RefusedKey = None,
    newest_first: Annotated[bool, Query(description="The latest first.")] = False,
) -> Choice:
    """Dependency: which facts a request asks for. Raises ApiError 400 where an event is none."""
    unknown = sorted(set(event) - EVENTS.keys())
    if unknown:
        raise invalid(f"event: {unknown[0]!r} is no event; allowed are {', '.join(sorted(EVENTS))}")
    return Choice(event or None, list(verdict) or None, writer_id, key, newest_first)


Chosen = Annotated[Choice, Depends(choice)]
Ordinal = Annotated[int | None, Query(ge=1, lt=1 << 63, description="Ordinal of one fact, with writer_id.")]


@routes.get("/runs/{run_id}/events", summary="Timeline", responses=documented(404))
async def events(
    read: Read, run_id: RunId, asked: Chosen, as_of: AsOf = None, cursor: Cursor = None, limit: Limit = 100
) -> answers.TimelineAnswer:
    """Facts and claims about the run by offset, with their decisions; points are not facts and stand in the metrics."""
    return await _timeline(read, "run", run_id, asked, as_of, cursor, limit)


@routes.get("/aggregates/{kind}/{aggregate_id:path}/events", summary="Timeline of anything", responses=documented(404))
async def events_about(
    read: Read,
    kind: Annotated[Kind, Path(description="Of the aggregate.")],
    aggregate_id: AggregateId,
    asked: Chosen,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> answers.TimelineAnswer:
    """As the timeline of a run: of an experiment, a model, a dataset, ..."""
    return await _timeline(read, kind, aggregate_id, asked, as_of, cursor, limit)


async def _timeline(
    read: Reading, kind: str, about: str, asked: Choice, as_of: str | None, cursor: str | None, limit: int
) -> answers.TimelineAnswer:
    (offset,) = place_of(cursor, int)
    place = (_LAST if asked.newest_first else 0) if offset is None else offset
    page = {"place": place, "limit": limit + 1, "bytes_max": PAGE_BYTES_MAX}
    async with read.at(as_of).snapshot() as snapshot:
        cut, watermark = await _cut(snapshot, kind, about, as_of)
        rows = await snapshot.rows("timeline", {"kind": kind, "id": about, **asked._asdict(), **page, **cut})
    following = [row.pop("next_offset") for row in rows]
    for row in rows:
        row["body"] = body_of(row.pop("message"))
    return answers.TimelineAnswer(
        timeline=[answers.Happening(**row) for row in rows],
        next_cursor=cursor_of(following[-1]) if following and following[-1] is not None else None,
        watermark=watermark,
    )


async def _cut(snapshot: Snapshot, kind: str, about: str, as_of: str | None) -> tuple[Row, str]:
    """Before which offsets facts are told, None of all, as statements take it; and the watermark that says so.

    Raises:
        ApiError: 404, there was no such run then.
    """
    if as_of is None:
        return cut_of(None), await snapshot.watermark()
    positions = await positions_of(snapshot, as_of)
    if kind == "run":
        await existed(snapshot, about, positions)
    return cut_of(positions), await watermark_at(snapshot, positions, as_of)


@routes.get("/runs/{run_id}/decisions", summary="Decisions about a run", responses=documented(404))
async def decisions(
    read: Read,
    run_id: RunId,
    writer_id: WriterId = None,
    ordinal: Ordinal = None,
    key: RefusedKey = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> answers.DecisionsAnswer:
    """Decisions that were not plainly 'accepted', of one writer where one is named.

    With `writer_id` and `ordinal`: the decision about that fact, whatever it is, or none while it is not folded. A
    client that waits for it names the fact's lane and ordinal in `not_before`.
    """
    return await _decisions(read, "run", run_id, writer_id, ordinal, key, as_of, cursor, limit)


@routes.get(
    "/aggregates/{kind}/{aggregate_id:path}/decisions", summary="Decisions about anything", responses=documented(404)
)
async def decisions_about(
    read: Read,
    kind: Annotated[Kind, Path(description="Of the aggregate.")],
    aggregate_id: AggregateId,
    writer_id: WriterId = None,
    ordinal: Ordinal = None,
    key: RefusedKey = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> answers.DecisionsAnswer:
    """As decisions about a run. Of a registration, `version` tells which version it is."""
    return await _decisions(read, kind, aggregate_id, writer_id, ordinal, key, as_of, cursor, limit)


async def _decisions(
    read: Reading,
    kind: str,
    aggregate_id: str,
    writer_id: str | None,
    ordinal: int | None,
    key: str | None,
    as_of: str | None,
    cursor: str | None,
    limit: int,
) -> answers.DecisionsAnswer:
    if ordinal is not None and writer_id is None:
        raise invalid("ordinal needs writer_id: ordinals count what one writer says")
    (offset,) = place_of(cursor, int)
    about = {"kind": kind, "id": aggregate_id, "writer_id": writer_id, "ordinal": ordinal, "key": key}
    async with read.at(as_of).snapshot() as snapshot:
        cut, watermark = await _cut(snapshot, kind, aggregate_id, as_of)
        rows = await snapshot.rows("decisions", {**about, "from_offset": offset or 0, "limit": limit + 1, **cut})
    return answers.DecisionsAnswer(
        decisions=[answers.Decision(**row) for row in rows[:limit]],
        next_cursor=_next(rows, limit),
        watermark=watermark,
    )


def _next(rows: list[Row], limit: int) -> str | None:
    return cursor_of(rows[limit]["offset"]) if len(rows) > limit else None


def body_of(message: bytes | None) -> dict[str, Any] | None:
    """Fields of a fact as JSON can say them."""
    if message is None:
        return None
    try:
        body = _told(codec.decode(message))
    except DecodeError as error:
        return {"unreadable": str(error)}
    return body if isinstance(body, dict) else {"value": body}


def _told(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": len(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return answers.odd_text(value)
    if hasattr(value, "_asdict"):
        return {name: _told(field) for name, field in value._asdict().items()}
    if isinstance(value, dict):
        return {str(name): _told(field) for name, field in value.items()}
    if isinstance(value, (list, tuple)):
        return [_told(item) for item in value]
    return value
