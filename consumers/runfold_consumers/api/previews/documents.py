"""Chart documents and images of a run by metric: what there is, and the documents' own JSON."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, Literal

from pydantic import BaseModel, Field

from runfold_consumers.api.answers import Answer, Moment, odd_text
from runfold_consumers.api.database import Row, Snapshot
from runfold_consumers.api.errors import ApiError
from runfold_consumers.api.paging import PAGE_BYTES_MAX
from runfold_consumers.api.store import of_store
from runfold_consumers.artifacts.objects import Objects
from runfold_schemas import codec
from runfold_schemas.errors import DecodeError

DOCUMENT_BYTES_MAX = 4 << 20
DEPTH_MAX = 100  # of a document that is told: what writes and reads JSON has limits of its own
ChartType = Literal["image", "confusion_matrix", "accuracy_table", "predictions", "residuals"]


class Chart(BaseModel):
    """An image or a chart document under a metric's name."""

    metric: str
    type: str = Field(description="image, confusion_matrix, accuracy_table, predictions or residuals.")
    place: int = Field(description="Among those of the metric in their order, from 1 ...")
    places: int = Field(description="... of so many. Charts have no step of their own.")
    path: str = Field(description="Of the artifact, for previews and downloads.")
    attempt: int
    rank: int | None
    writer_id: str
    ordinal: int = Field(description="Of the fact, in its writer's lane.")
    occurred_at: Moment
    size: int
    media_type: str | None
    availability: str = Field(description="pending, available, missing or mismatched.")
    document: Any = Field(
        None,
        description="What it says; NaN and infinities as texts. Null of an image, and where `left` says why.",
    )
    left: str | None = Field(None, description="Why there is no document: too_large, not_stored, too_deep, or no_json.")


class ChartOf(BaseModel):
    """How many charts a metric has."""

    metric: str
    type: str
    charts: int


class ChartsAnswer(Answer):
    """A page of the charts of a run."""

    charts: list[Chart]
    metrics: list[ChartOf] = Field(description="All metrics that have charts and match.")
    n: int = Field(description="On this page ...")
    of: int = Field(description="... of so many that match.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")


async def bodies(snapshot: Snapshot, run_id: str, rows: list[Row]) -> dict[int, bytes]:
    """Bodies that travelled inside the facts, by offset."""
    offsets = [row["offset"] for row in rows if row["inline"]]
    found: dict[int, bytes] = {}
    if offsets:
        for row in await snapshot.rows("chart_facts", {"run_id": run_id, "offsets": offsets}):
            try:
                event: Any = codec.decode(row["message"])
            except DecodeError:
                continue
            if event.body is not None:
                found[row["offset"]] = event.body
    return found


async def documents(
    objects: Objects, workspace: str, run_id: str, rows: list[Row], inline: dict[int, bytes]
) -> list[tuple[Any, str | None]]:
    """Of each row its document, or why there is none. An answer holds at most PAGE_BYTES_MAX of them."""
    left_bytes = PAGE_BYTES_MAX
    told: list[tuple[Any, str | None]] = []
    for row in rows:
        if row["type"] == "image":
            told.append((None, None))
        elif row["size"] > DOCUMENT_BYTES_MAX or row["size"] > left_bytes:
            told.append((None, "too_large"))
        else:
            left_bytes -= row["size"]
            body = inline.get(row["offset"])
            if body is None:
                body = await _stored(objects, workspace, run_id, row)
            told.append((None, "not_stored") if body is None else await asyncio.to_thread(_document, body))
    return told


async def _stored(objects: Objects, workspace: str, run_id: str, row: Row) -> bytes | None:
    if not row["size"]:
        return b""
    try:
        return await of_store(lambda: objects.read_range(workspace, run_id, row["sha256"], 0, row["size"]))
    except ApiError:
        return None


def _document(body: bytes) -> tuple[Any, str | None]:
    try:
        document = odd_as_text(json.loads(body))
        json.dumps(document, ensure_ascii=False).encode()  # refuses lone surrogates
    except RecursionError:
        return None, "too_deep"
    except ValueError:
        return None, "no_json"
    return document, None


def odd_as_text(value: Any, depth: int = 0) -> Any:
    """JSON values with NaN and infinities, for which JSON has no words, as texts. RecursionError beyond DEPTH_MAX."""
    if isinstance(value, float):
        return value if math.isfinite(value) else odd_text(value)
    if depth > DEPTH_MAX:
        raise RecursionError(f"nested deeper than {DEPTH_MAX}")
    if isinstance(value, list):
        return [odd_as_text(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {name: odd_as_text(each, depth + 1) for name, each in value.items()}
    return value
