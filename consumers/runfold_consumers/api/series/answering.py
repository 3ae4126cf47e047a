"""Series as JSON tells them: parallel columns, null where a value is not finite, such places listed in `marks`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field
from pydantic_core import to_json

from runfold_consumers.api.answers import Answer, odd_text
from runfold_consumers.api.errors import ApiError
from runfold_consumers.api.series.building import MARKS_MAX, Series
from runfold_consumers.api.series.columns import Points
from runfold_consumers.api.series.ranks import Folded
from runfold_schemas.limits import EXACT_INTEGER_MAX

JSON_POINTS_MAX = 500_000
ARROW_POINTS_MAX = 4_000_000  # where they are not sent while they are read


class MarkAnswer(BaseModel):
    """A place where a series is not finite."""

    x: float
    value: Literal["NaN", "Infinity", "-Infinity"]


class BandAnswer(BaseModel):
    """Least and greatest value: of the points of each bucket, or over ranks of each step."""

    x: list[float]
    min: list[float]
    max: list[float]


class SeriesOne(BaseModel):
    """A series."""

    run_id: str
    metric: str
    column: str | None = Field(description="Of a row or table; null for scalars.")
    rank: int | None = Field(description="Null where the process had none, and over ranks.")
    attempt: int | None = Field(description="Null where several attempts contributed.")
    kind: str = Field(description="double, long, bigint, string, bool, null, or mixed.")
    axis: str = Field(description="What step holds: step (the user's), ordinal (the point's own) or row.")
    change: Literal["whole", "points"] = Field(
        description="With `after`: `points` are to be added (over ranks: to replace what stood at their x); `whole`: "
        "all that was told of this series before gives way to this."
    )
    n: int = Field(description="How many stand here ...")
    of: int = Field(description="... of so many in the range.")
    x: list[int | float]
    value: list[float | int | str | bool | None] = Field(
        description="Null where it is not finite; over ranks the mean."
    )
    step: list[int] | None = Field(description="Where no buckets were asked for.")
    time: list[float | None] | None = Field(description="Unix seconds, where no buckets were asked for.")
    band: BandAnswer | None
    slowest_rank: list[int | None] | None = Field(
        description="Over ranks: who is furthest behind at that x, else who came last."
    )
    marks: list[MarkAnswer] = Field(description=f"Where it is not finite, at most {MARKS_MAX} places ...")
    marks_of: int = Field(description="... of so many.")


class SeriesAnswer(Answer):
    """Series, and the cursor from which an increment goes on."""

    series: list[SeriesOne]
    cursor: str = Field(description="`after` of the next request for the same.")


class Counted:
    """Counts the points of an answer that is put together before it is sent, and refuses what is too large for that."""

    def __init__(self, *, as_json: bool) -> None:
        self.points = 0
        self._as_json = as_json

    def add(self, series: Series) -> Series:
        """Counts it. Raises ApiError 400 `too_many_points` when the answer grows too large."""
        self.points += len(series.x)
        if self.points > (JSON_POINTS_MAX if self._as_json else ARROW_POINTS_MAX):
            raise too_many(self.points, as_json=self._as_json)
        return series


def too_many(points: int, *, as_json: bool) -> ApiError:
    """The refusal of an answer of that many points or more."""
    most = JSON_POINTS_MAX if as_json else ARROW_POINTS_MAX
    form, instead = (
        ("JSON", "or take all as Arrow: the header 'Accept: application/vnd.apache.arrow.stream'")
        if as_json
        else ("Arrow folded, sampled or since a cursor", "or take all as they are: without fold, buckets and after")
    )
    return ApiError(
        400,
        "too_many_points",
        f"this asks for {points:,} points or more as {form}, at most {most:,} are told; send buckets=1000 for fewer "
        f"points that keep every extreme, ask for fewer runs or metrics, {instead}",
        points_max=most,
    )


def body(series: Iterable[dict[str, Any]], cursor: str, watermark: str) -> bytes:
    """The answer on the wire. NaN and infinities that are left are null."""
    answer = {"series": list(series), "cursor": cursor, "watermark": watermark}
    return to_json(answer, inf_nan_mode="null")


def told(series: Series) -> dict[str, Any]:
    """One series."""
    rows = series.rows
    unsampled = not series.sampled
    band = series.band
    return {
        "run_id": series.run_id,
        "metric": series.slot.name,
        "column": series.slot.column,
        "rank": series.rank,
        "attempt": series.attempt,
        "kind": series.kind,
        "axis": series.slot.axis,
        "change": series.change,
        "n": len(series.x),
        "of": series.of,
        "x": _numbers(series.x),
        "value": rows.mean.tolist() if isinstance(rows, Folded) else _values(rows),
        "step": rows.step.tolist() if unsampled else None,
        "time": rows.time.tolist() if unsampled else None,
        "band": None
        if band is None
        else {"x": _numbers(band.x), "min": band.least.tolist(), "max": band.greatest.tolist()},
        "slowest_rank": _ranks(rows) if isinstance(rows, Folded) else None,
        "marks": [
            {"x": x, "value": odd_text(value)}
            for x, value in zip(_numbers(series.marks.x), series.marks.value.tolist(), strict=True)
        ],
        "marks_of": series.marks.of,
    }


def _ranks(folded: Folded) -> list[int | None]:
    return [None if rank < 0 else rank for rank in folded.slowest.tolist()]


def _numbers(column: Any) -> list[int | float]:
    """Whole numbers without a point where all are: steps read as steps."""
    if len(column) and np.abs(column).max() < EXACT_INTEGER_MAX:  # false for NaN
        whole = column.astype(np.int64)
        if (whole == column).all():
            return list(whole.tolist())
    return list(column.tolist())


def _values(points: Points) -> Sequence[Any]:
    values = points.values()
    if points.kinds == ("double",):
        return values  # `body` makes null of what is not finite
    return [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]
