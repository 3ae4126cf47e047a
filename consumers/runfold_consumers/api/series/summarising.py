"""Metrics of a run in a line each: as the summary table tells them, or, as of a moment, worked out from the points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from runfold_consumers.api.answers import Answer, Moment, odd_text
from runfold_consumers.api.points import SeriesColumns
from runfold_consumers.api.series.columns import Lane
from runfold_schemas.values import restore

Cell = float | int | str | bool | None
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TEXT_CHARACTERS_MAX = 256  # as the summary table cuts them


class MetricSummary(BaseModel):
    """A metric of a run, or a column of one."""

    name: str
    column: str | None = Field(description="Of a row or table; null for scalars.")
    kind: str = Field(description="double, long, bigint, string, bool, null, or mixed.")
    axis: str = Field(description="step, ordinal or row; by commas where there were several.")
    points: int = Field(description="Of all ranks and attempts.")
    last: Cell = Field(
        description="Of the latest attempt, then time: as it was logged; NaN and infinities as texts, texts cut."
    )
    min: float | None = Field(description="Of what is finite.")
    max: float | None
    last_step: int
    last_time: Moment | None = Field(description="By the writer's clock; null where it says no time that there is.")
    nonfinite: int = Field(description="How many points are NaN or infinite.")
    writers: int = Field(description="How many logged it.")


class MetricSummariesAnswer(Answer):
    """A page of the metrics of a run."""

    metrics: list[MetricSummary]
    n: int = Field(description="On this page ...")
    of: int = Field(description="... of so many that match.")
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last one.")


def of_row(row: Mapping[str, Any]) -> MetricSummary:
    """The summary of a row of `metric_summaries`."""
    return MetricSummary(
        name=row["name"],
        column=row["column"],
        kind=_kind(row["kinds"].split(",")),
        axis=",".join(sorted(set(row["axes"].split(",")))),
        points=row["points"],
        last=_last(row["last_kind"], row["last_value"], row["last_text"]),
        min=row["min"],
        max=row["max"],
        last_step=row["last_step"],
        last_time=_moment(row["last_time"]),
        nonfinite=row["nonfinite"],
        writers=row["writers"],
    )


def of_points(columns: Iterable[SeriesColumns], lanes: Sequence[Lane]) -> list[MetricSummary]:
    """The same of points that were read, in the same order."""
    of_writer = {lane.writer_id: lane for lane in lanes}
    found: dict[tuple[str, str | None], list[SeriesColumns]] = {}
    for each in columns:
        found.setdefault((each.name, each.column), []).append(each)
    ordered = sorted(found, key=lambda key: (key[0].encode(), key[1] is not None, (key[1] or "").encode()))
    return [_summary(found[key], of_writer) for key in ordered]


def _summary(parts: list[SeriesColumns], of_writer: Mapping[str, Lane]) -> MetricSummary:
    numbers = [part.value for part in parts if part.kind in ("double", "long", "bool")]
    value = np.concatenate([*numbers, np.empty(0)])
    finite = value[np.isfinite(value)]
    lasts: dict[str, SeriesColumns] = {}  # per writer the one that holds its greatest ordinal
    for part in parts:
        if part.writer_id not in lasts or lasts[part.writer_id].ordinal[-1] < part.ordinal[-1]:
            lasts[part.writer_id] = part

    def place(part: SeriesColumns) -> tuple[Any, ...]:
        lane = of_writer.get(part.writer_id, Lane(part.writer_id))
        return (lane.attempt, part.time[-1], -1 if lane.rank is None else lane.rank, part.writer_id)

    last = max(lasts.values(), key=place)
    text = last.texts[-1][:_TEXT_CHARACTERS_MAX] if last.texts else None
    return MetricSummary(
        name=last.name,
        column=last.column,
        kind=_kind([part.kind for part in parts]),
        axis=",".join(sorted({part.axis for part in parts})),
        points=sum(len(part.ordinal) for part in parts),
        last=_last(last.kind, float(last.value[-1]), text),
        min=float(finite.min()) if len(finite) else None,
        max=float(finite.max()) if len(finite) else None,
        last_step=int(last.step[-1]),
        last_time=_moment(float(last.time[-1])),
        nonfinite=len(value) - len(finite),
        writers=len({part.writer_id for part in parts}),
    )


def _kind(kinds: Iterable[str]) -> str:
    """As a series tells its kind (`building`)."""
    all_of_them = set(kinds)
    if len(all_of_them) > 1:
        all_of_them.discard("null")
    if all_of_them == {"double", "long"}:
        return "double"
    return all_of_them.pop() if len(all_of_them) == 1 else "mixed"


def _last(kind: str, value: float | None, text: str | None) -> Cell:
    if kind in ("string", "bigint"):
        return text  # of a bigint its digits, which may be cut
    if value is None:
        return None
    if not math.isfinite(value):
        return odd_text(value)
    return restore(kind, value, None)


def _moment(seconds: float | None) -> datetime | None:
    try:
        return None if seconds is None else _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None
